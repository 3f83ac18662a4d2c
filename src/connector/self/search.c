/* search_tools: which tools fit a few words. Each word of the query counts by where it is found: a whole word of the
 * name most, a part of the description least. What fits more of the words stands first, then what fits them better. */
#include "codec/json.h"
#include "connector/self/self.h"

enum {
  WORDS_MAX = 16,
  RESULTS_MAX = 50,
  RESULTS_DEFAULT = 10,
  IN_NAME = 8,
  BEGINS_IN_NAME = 5,
  IN_DESCRIPTION = 3,
  BEGINS_IN_DESCRIPTION = 1,
  PER_WORD = 1000, /* outweighs any sum of the above */
};

static bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* The next word of `rest`, which moves behind it; empty: no more. "get_invoices" is two words. */
static struct str next_word(struct str *rest) {
  size_t from = 0;
  while (from < rest->n && !is_word_byte(rest->p[from]))
    from++;
  size_t to = from;
  while (to < rest->n && is_word_byte(rest->p[to]))
    to++;
  struct str word = str_make(rest->p + from, to - from);
  *rest = str_make(rest->p + to, rest->n - to);
  return word;
}

static unsigned score_in(struct str text, struct str wanted, unsigned whole, unsigned beginning) {
  unsigned best = 0;
  struct str word;
  while ((word = next_word(&text)).n > 0) {
    if (str_eq_fold(word, wanted)) return whole;
    if (word.n > wanted.n && str_eq_fold(str_make(word.p, wanted.n), wanted)) best = beginning;
    /* "invoices" finds "invoice" */
    if (word.n > 2 && wanted.n == word.n + 1 && str_eq_fold(str_make(wanted.p, word.n), word)) best = beginning;
  }
  return best;
}

static unsigned score(const struct connector_caller_tool *tool, const struct str *words, size_t n_words) {
  unsigned total = 0;
  for (size_t i = 0; i < n_words; i++) {
    unsigned found = score_in(tool->public_name, words[i], IN_NAME, BEGINS_IN_NAME) +
                     score_in(tool->description, words[i], IN_DESCRIPTION, BEGINS_IN_DESCRIPTION);
    if (found > 0) total += PER_WORD + found;
  }
  return total;
}

struct found {
  const struct connector_caller_tool *tool;
  unsigned score;
};

/* Keeps the best `limit`, in order; among equals the first stays first (tools come by name). */
static size_t keep(struct found *best, size_t n, size_t limit, struct found candidate) {
  if (n == limit && candidate.score <= best[n - 1].score) return n;
  size_t at = n < limit ? n : limit - 1;
  for (; at > 0 && best[at - 1].score < candidate.score; at--)
    best[at] = best[at - 1];
  best[at] = candidate;
  return n < limit ? n + 1 : n;
}

static size_t read_words(struct str query, struct str words[WORDS_MAX]) {
  size_t n = 0;
  struct str word;
  while (n < WORDS_MAX && (word = next_word(&query)).n > 0)
    words[n++] = word;
  return n;
}

void self_search_tools(struct buf *out, const struct connector_caller *caller, yyjson_val *arguments) {
  struct str words[WORDS_MAX];
  size_t n_words = read_words(json_get_str(arguments, "query"), words);
  yyjson_val *wanted = json_get(arguments, "limit");
  size_t limit = wanted ? (size_t)yyjson_get_num(wanted) : RESULTS_DEFAULT;
  if (limit < 1 || limit > RESULTS_MAX) limit = RESULTS_DEFAULT;
  struct found best[RESULTS_MAX];
  size_t n = 0, n_fitting = 0;
  for (size_t i = 0; i < caller->n_tools; i++) {
    struct found candidate = {&caller->tools[i], score(&caller->tools[i], words, n_words)};
    if (candidate.score == 0) continue;
    n_fitting++;
    n = keep(best, n, limit, candidate);
  }
  buf_append_c(out, "{\"tools\":[");
  for (size_t i = 0; i < n; i++) {
    if (i > 0) buf_append_byte(out, ',');
    buf_append_c(out, "{\"name\":");
    json_write_str(out, best[i].tool->public_name);
    buf_append_c(out, ",\"does\":");
    json_write_str(out, str_of(policy_does_name(best[i].tool->does)));
    buf_append_c(out, ",\"description\":");
    json_write_str(out, best[i].tool->description);
    buf_append_byte(out, '}');
  }
  buf_append_c(out, "],\"found\":");
  buf_append_u64(out, n_fitting);
  buf_append_byte(out, '}');
}
