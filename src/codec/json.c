/* JSON in, and how its values are looked at. yyjson parses; what it lets through and we do not is found in one walk
 * over the document. Must not know what any document means. */
#include "codec/json.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/map.h"
#include "codec/json_number.h"
#include "codec/json_place.h"
#include "codec/utf8.h"

enum { PAIRWISE_KEYS = 32 /* up to so many, comparing each with each is cheaper than a table */ };

static void *alc_malloc(void *arena, size_t size) {
  return arena_alloc(arena, size);
}

static void *alc_realloc(void *arena, void *p, size_t old_size, size_t size) {
  return arena_realloc(arena, p, old_size, size);
}

static void alc_free(void *arena, void *p) {
  (void)arena;
  (void)p;
}

yyjson_alc json_alc(struct arena *arena) {
  return (yyjson_alc){alc_malloc, alc_realloc, alc_free, arena};
}

/* Where the walk stands: a container, and the member or element that comes next. */
struct level {
  yyjson_val *container;
  yyjson_val *next;
  yyjson_val *key; /* of the current member */
  size_t index;    /* of the current member or element */
  size_t left;
};

struct walk {
  struct level levels[LIMIT_JSON_DEPTH];
  size_t depth;
  struct str text;
  bool is_file; /* comments may repeat, and places are lines */
  bool has_nul;
  bool keeps_numbers;
  struct err *err;
};

static void pointer_append(struct buf *pointer, struct str name) {
  buf_append_byte(pointer, '/');
  for (size_t i = 0; i < name.n; i++) {
    if (name.p[i] == '~') {
      buf_append_c(pointer, "~0");
    } else if (name.p[i] == '/') {
      buf_append_c(pointer, "~1");
    } else {
      buf_append_byte(pointer, name.p[i]);
    }
  }
}

/* Fills in the place: the pointer to where the walk stands, and for a file its line. */
static void place_set(const struct walk *walk, size_t depth) {
  struct buf pointer;
  size_t indexes[LIMIT_JSON_DEPTH];
  buf_init(&pointer, NULL, 64 * KIB);
  for (size_t i = 0; i < depth; i++) {
    const struct level *level = &walk->levels[i];
    indexes[i] = level->index;
    if (level->key) {
      pointer_append(&pointer, json_str(level->key));
    } else {
      buf_append_byte(&pointer, '/');
      buf_append_u64(&pointer, level->index);
    }
  }
  struct str found = buf_failed(&pointer) ? STR_NONE : buf_str(&pointer);
  unsigned line, column;
  if (walk->is_file && json_place_of_path(walk->text, indexes, depth, &line, &column)) {
    err_place(walk->err, "line %u, column %u (%.*s)", line, column, STR_ARG(found));
  } else {
    err_place(walk->err, "%.*s", STR_ARG(found));
  }
  buf_release(&pointer);
}

static enum err_code duplicate(struct walk *walk, yyjson_val *key, size_t index) {
  struct str shown = utf8_cut(json_str(key), 100);
  err_set(walk->err, ERR_INVALID, "duplicate key \"%.*s\"", STR_ARG(shown));
  walk->levels[walk->depth - 1].key = key;
  walk->levels[walk->depth - 1].index = index;
  place_set(walk, walk->depth);
  return ERR_INVALID;
}

static bool may_repeat(const struct walk *walk, struct str key) {
  return walk->is_file && str_eq(key, STR("//"));
}

static enum err_code keys_check_pairwise(struct walk *walk, yyjson_val *object) {
  struct str seen[PAIRWISE_KEYS];
  size_t n = 0;
  size_t i, count;
  yyjson_val *key, *value;
  yyjson_obj_foreach(object, i, count, key, value) {
    struct str name = json_str(key);
    for (size_t k = 0; k < n; k++) {
      if (str_eq(seen[k], name) && !may_repeat(walk, name)) return duplicate(walk, key, i);
    }
    seen[n++] = name;
  }
  return ERR_NONE;
}

static enum err_code keys_check_table(struct walk *walk, yyjson_val *object) {
  struct map seen;
  map_init(&seen);
  enum err_code code = ERR_NONE;
  size_t i, count;
  yyjson_val *key, *value;
  yyjson_obj_foreach(object, i, count, key, value) {
    struct str name = json_str(key);
    if (map_get(&seen, name) && !may_repeat(walk, name)) {
      code = duplicate(walk, key, i);
      break;
    }
    if (map_put(&seen, name, key) != ERR_NONE) {
      code = err_no_memory(walk->err);
      break;
    }
  }
  map_release(&seen);
  return code;
}

/* Of JSON that was read: as a byte of its own yyjson has refused it, so it can only be written as an escape. One look
 * at the text spares a look at every string. */
static bool has_nul(struct str text) {
  const char *at = text.p, *end = at + text.n, *escape;
  while (at < end && (escape = memchr(at, '\\', (size_t)(end - at)))) {
    if (end - escape >= 6 && memcmp(escape, "\\u0000", 6) == 0) return true;
    at = escape + 2;
  }
  return false;
}

static enum err_code string_check(struct walk *walk, yyjson_val *string) {
  if (!walk->has_nul) return ERR_NONE;
  struct str text = json_str(string);
  if (text.n == 0 || !memchr(text.p, '\0', text.n)) return ERR_NONE;
  err_set(walk->err, ERR_INVALID, "a NUL character in a string");
  place_set(walk, walk->depth);
  return ERR_INVALID;
}

static enum err_code enter(struct walk *walk, yyjson_val *container) {
  if (walk->depth == LIMIT_JSON_DEPTH) {
    err_set(walk->err, ERR_INVALID, "nested deeper than %d levels", LIMIT_JSON_DEPTH);
    place_set(walk, walk->depth);
    return ERR_INVALID;
  }
  walk->levels[walk->depth++] = (struct level){
      .container = container,
      .next = unsafe_yyjson_get_first(container),
      .left = unsafe_yyjson_get_len(container),
  };
  if (!yyjson_is_obj(container)) return ERR_NONE;
  if (unsafe_yyjson_get_len(container) <= PAIRWISE_KEYS) return keys_check_pairwise(walk, container);
  return keys_check_table(walk, container);
}

/* yyjson leaves numbers raw that it cannot hold. Integers that are longer than 64 bits are taken as doubles where
 * writing them gives the same digits again, as it does for whatever JavaScript wrote. */
static enum err_code number_check(struct walk *walk, yyjson_val *number) {
  double value;
  if (walk->keeps_numbers) return ERR_NONE;
  if (json_number_read_big(str_make(yyjson_get_raw(number), yyjson_get_len(number)), &value)) {
    yyjson_set_real(number, value);
    return ERR_NONE;
  }
  err_set(walk->err, ERR_INVALID, "a number that cannot be held exactly");
  place_set(walk, walk->depth);
  return ERR_INVALID;
}

static enum err_code value_check(struct walk *walk, yyjson_val *value) {
  switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_OBJ:
    case YYJSON_TYPE_ARR:
      return enter(walk, value);
    case YYJSON_TYPE_STR:
      return string_check(walk, value);
    case YYJSON_TYPE_RAW:
      return number_check(walk, value);
    default:
      return ERR_NONE;
  }
}

static enum err_code document_check(struct walk *walk, yyjson_val *root) {
  enum err_code code = value_check(walk, root);
  while (code == ERR_NONE && walk->depth > 0) {
    struct level *level = &walk->levels[walk->depth - 1];
    if (level->left == 0) {
      walk->depth--;
      continue;
    }
    yyjson_val *value = level->next;
    level->index = unsafe_yyjson_get_len(level->container) - level->left;
    if (yyjson_is_obj(level->container)) {
      level->key = value;
      code = string_check(walk, value);
      if (code != ERR_NONE) break;
      value = unsafe_yyjson_get_next(value);
    }
    level->next = unsafe_yyjson_get_next(value);
    level->left--;
    code = value_check(walk, value);
  }
  return code;
}

static enum err_code read_error(const struct walk *walk, const struct arena *arena, const yyjson_read_err *failure) {
  if (failure->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
    if (arena->max == 0) return err_no_memory(walk->err);
    return err_set(walk->err, ERR_TOO_LARGE, "this JSON needs more memory than one request may take");
  }
  err_set(walk->err, ERR_INVALID, "not JSON: %s", failure->msg);
  if (walk->is_file) {
    unsigned line, column;
    json_place_of_byte(walk->text, failure->pos, &line, &column);
    err_place(walk->err, "line %u, column %u", line, column);
  } else {
    err_place(walk->err, "byte %zu", failure->pos);
  }
  return ERR_INVALID;
}

static enum err_code read_checked(struct walk *walk, struct arena *arena, yyjson_doc **ret_doc) {
  yyjson_alc alc = json_alc(arena);
  yyjson_read_err failure = {0};
  /* Without YYJSON_READ_INSITU yyjson copies the text and leaves it alone: its parameter is not const for that flag. */
  char *text = walk->text.p ? (char *)(uintptr_t)walk->text.p : (char[]){""};
  yyjson_read_flag flags = walk->keeps_numbers ? YYJSON_READ_NUMBER_AS_RAW : YYJSON_READ_BIGNUM_AS_RAW;
  yyjson_doc *doc = yyjson_read_opts(text, walk->text.n, flags, &alc, &failure);
  if (!doc) return read_error(walk, arena, &failure);
  walk->has_nul = has_nul(walk->text);
  enum err_code code = document_check(walk, yyjson_doc_get_root(doc));
  if (code == ERR_NONE) *ret_doc = doc;
  return code;
}

static enum err_code read_text(struct arena *arena, struct str text, bool keeps_numbers, yyjson_doc **ret_doc,
                               struct err *err) {
  /* Not initialised as a whole: it is large, and only `depth` levels of it are ever looked at. */
  struct walk walk;
  walk.depth = 0;
  walk.text = text;
  walk.is_file = false;
  walk.keeps_numbers = keeps_numbers;
  walk.err = err;
  return read_checked(&walk, arena, ret_doc);
}

enum err_code json_read(struct arena *arena, struct str text, yyjson_doc **ret_doc, struct err *err) {
  return read_text(arena, text, false, ret_doc, err);
}

enum err_code json_read_verbatim(struct arena *arena, struct str text, yyjson_doc **ret_doc, struct err *err) {
  return read_text(arena, text, true, ret_doc, err);
}

static void comments_drop(yyjson_mut_val *value) {
  size_t i, count;
  yyjson_mut_val *key, *child;
  if (yyjson_mut_is_obj(value)) {
    yyjson_mut_obj_remove_key(value, "//");
    yyjson_mut_obj_foreach(value, i, count, key, child) comments_drop(child);
  } else if (yyjson_mut_is_arr(value)) {
    yyjson_mut_arr_foreach(value, i, count, child) comments_drop(child);
  }
}

enum err_code json_read_file_text(struct arena *arena, struct str text, yyjson_doc **ret_doc, struct err *err) {
  if (text.n > LIMIT_JSON_FILE) return err_set(err, ERR_TOO_LARGE, "larger than %d MiB", LIMIT_JSON_FILE / MIB);
  struct walk walk;
  walk.depth = 0;
  walk.text = text;
  walk.is_file = true;
  walk.keeps_numbers = false;
  walk.err = err;
  yyjson_doc *doc;
  enum err_code code = read_checked(&walk, arena, &doc);
  if (code != ERR_NONE) return code;
  yyjson_alc alc = json_alc(arena);
  yyjson_mut_doc *edited = yyjson_doc_mut_copy(doc, &alc);
  if (!edited) return err_no_memory(err);
  comments_drop(yyjson_mut_doc_get_root(edited));
  doc = yyjson_mut_doc_imut_copy(edited, &alc);
  if (!doc) return err_no_memory(err);
  *ret_doc = doc;
  return ERR_NONE;
}

struct str json_str(yyjson_val *value) {
  if (!yyjson_is_str(value)) return STR_NONE;
  return str_make(unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value));
}

yyjson_val *json_get(yyjson_val *object, const char *name) {
  return yyjson_obj_get(object, name);
}

struct str json_get_str(yyjson_val *object, const char *name) {
  return json_str(json_get(object, name));
}
