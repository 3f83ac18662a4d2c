/* What a definition says in words. Must not know what becomes of it. */
#include "org/catalogue_text.h"

#include <strings.h>

#include "codec/json.h"
#include "codec/plain_text.h"

struct writing {
  struct buf *out;
  bool has_cleaned;
  const char *refusal;
};

static bool is_text_member(struct str name) {
  return str_eq_c(name, "title") || str_eq_c(name, "description");
}

/* What clients interpret, not people: passed as it is. */
static bool is_opaque_member(struct str name) {
  return str_eq_c(name, "_meta") || str_eq_c(name, "icons");
}

static void write_text(struct writing *writing, struct str text) {
  if (plain_text_is(text)) {
    json_write_str(writing->out, text);
    return;
  }
  struct buf clean;
  buf_init(&clean, NULL, text.n + 1);
  (void)plain_text_write(&clean, text);
  if (buf_failed(&clean)) writing->out->has_failed = true;
  json_write_str(writing->out, clean.n ? buf_str(&clean) : STR(""));
  buf_release(&clean);
  writing->has_cleaned = true;
}

/* Depth is bounded: the value came from json_read. `is_text`: it is a title's or description's. */
static void write_value(struct writing *writing, yyjson_val *value, bool is_text) {
  size_t i, n;
  yyjson_val *key, *member;
  if (yyjson_is_obj(value)) {
    buf_append_byte(writing->out, '{');
    yyjson_obj_foreach(value, i, n, key, member) {
      if (i > 0) buf_append_byte(writing->out, ',');
      if (!plain_text_is(json_str(key))) writing->refusal = "a name within its definition has invisible characters";
      json_write_str(writing->out, json_str(key));
      buf_append_byte(writing->out, ':');
      if (is_opaque_member(json_str(key))) {
        json_write_value(writing->out, member);
      } else {
        write_value(writing, member, is_text_member(json_str(key)));
      }
    }
    buf_append_byte(writing->out, '}');
  } else if (yyjson_is_arr(value)) {
    buf_append_byte(writing->out, '[');
    yyjson_arr_foreach(value, i, n, member) {
      if (i > 0) buf_append_byte(writing->out, ',');
      write_value(writing, member, false);
    }
    buf_append_byte(writing->out, ']');
  } else if (is_text && yyjson_is_str(value)) {
    write_text(writing, json_str(value));
  } else {
    if (yyjson_is_str(value) && !plain_text_is(json_str(value)))
      writing->refusal = "a value within its definition has invisible characters";
    json_write_value(writing->out, value);
  }
}

void catalogue_text_write(struct buf *out, yyjson_val *definition, bool is_name_text, struct buf *notes,
                          const char **ret_refusal) {
  struct writing writing = {.out = out};
  size_t i, n;
  yyjson_val *key, *member;
  buf_append_byte(out, '{');
  yyjson_obj_foreach(definition, i, n, key, member) {
    struct str name = json_str(key);
    bool is_text = is_text_member(name) || (is_name_text && str_eq_c(name, "name"));
    if (i > 0) buf_append_byte(out, ',');
    json_write_str(out, name);
    buf_append_byte(out, ':');
    if (is_opaque_member(name)) {
      json_write_value(out, member);
    } else {
      write_value(&writing, member, is_text);
    }
  }
  buf_append_byte(out, '}');
  if (writing.has_cleaned) buf_append_c(notes, CATALOGUE_NOTE_HIDDEN);
  *ret_refusal = writing.refusal;
}

/* ---- what should make a reviewer look twice ---- */

static bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Words that are names of tools of others. Names of one plain word ("search") are everybody's words. */
static void judge_names(struct str text, const struct map *others, struct buf *notes) {
  unsigned n_noted = 0;
  for (size_t start = 0; start < text.n && n_noted < 3;) {
    if (!is_word_byte(text.p[start])) {
      start++;
      continue;
    }
    size_t end = start;
    while (end < text.n && is_word_byte(text.p[end]))
      end++;
    struct str word = str_make(text.p + start, end - start);
    bool is_compound = memchr(word.p, '_', word.n) || memchr(word.p, '-', word.n);
    if (is_compound && map_get(others, word)) {
      buf_printf(notes, "it speaks of %.*s, a tool of another connection\n", STR_ARG(word));
      n_noted++;
    }
    start = end;
  }
}

static bool has_phrase(struct str text, const char *phrase) {
  size_t n = strlen(phrase);
  for (size_t i = 0; i + n <= text.n; i++)
    if (strncasecmp(text.p + i, phrase, n) == 0) return true;
  return false;
}

void catalogue_text_judge_one(struct str text, const struct map *others, struct buf *notes) {
  static const char *const phrases[] = {"<important>",
                                        "<system",
                                        "ignore previous",
                                        "ignore all previous",
                                        "ignore the above",
                                        "disregard ",
                                        "system prompt",
                                        "do not tell the user",
                                        "don't tell the user",
                                        "without telling the user",
                                        "do not mention",
                                        "not mention this",
                                        "other tools",
                                        "any other tool",
                                        "before using any",
                                        "instead of using ",
                                        "secretly",
                                        "other mcp server",
                                        "~/.ssh",
                                        "api key"};
  if (others) judge_names(text, others, notes);
  for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
    if (has_phrase(text, phrases[i])) buf_printf(notes, "it says \"%s\"\n", phrases[i]);
}

void catalogue_text_judge(yyjson_val *definition, const struct map *others, struct buf *notes) {
  size_t i, n;
  yyjson_val *key, *member;
  if (yyjson_is_obj(definition)) {
    yyjson_obj_foreach(definition, i, n, key, member) {
      if (is_opaque_member(json_str(key))) continue;
      if (yyjson_is_str(member) && is_text_member(json_str(key))) {
        catalogue_text_judge_one(json_str(member), others, notes);
      } else {
        catalogue_text_judge(member, others, notes);
      }
    }
  } else if (yyjson_is_arr(definition)) {
    yyjson_arr_foreach(definition, i, n, member) catalogue_text_judge(member, others, notes);
  }
}
