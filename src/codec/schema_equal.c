/* Equal values, and equal items in an array: pair by pair in short ones, by sorted hashes in long ones, so that a
 * caller cannot make it quadratic. */
#include "codec/schema_equal.h"

#include <stdlib.h>

#include "codec/schema_number.h"
#include "codec/schema_work.h"

enum { PAIRWISE_ITEMS = 16, BYTES_A_STEP = 256, MEMBERS_A_STEP = 16 };

static bool is_equal_text(struct str a, struct str b, size_t *work) {
  if (a.n != b.n) return false;
  return (a.n < BYTES_A_STEP || schema_spend(work, a.n / BYTES_A_STEP)) && str_eq(a, b);
}

static bool is_equal_array(yyjson_val *a, yyjson_val *b, size_t *work) {
  if (yyjson_arr_size(a) != yyjson_arr_size(b)) return false;
  yyjson_arr_iter others = yyjson_arr_iter_with(b);
  size_t i, count;
  yyjson_val *value;
  yyjson_arr_foreach(a, i, count, value) {
    if (!schema_equal(value, yyjson_arr_iter_next(&others), work)) return false;
  }
  return true;
}

static bool is_equal_object(yyjson_val *a, yyjson_val *b, size_t *work) {
  size_t n = yyjson_obj_size(a);
  if (n != yyjson_obj_size(b)) return false;
  yyjson_obj_iter others = yyjson_obj_iter_with(b); /* finds at once what comes in the same order */
  size_t i, count;
  yyjson_val *key, *value;
  yyjson_obj_foreach(a, i, count, key, value) {
    if (!schema_spend(work, n / MEMBERS_A_STEP)) return false;
    yyjson_val *other = yyjson_obj_iter_getn(&others, yyjson_get_str(key), yyjson_get_len(key));
    if (!other || !schema_equal(value, other, work)) return false;
  }
  return true;
}

bool schema_equal(yyjson_val *a, yyjson_val *b, size_t *work) {
  if (!schema_spend(work, 1)) return false;
  if (schema_is_number(a)) return schema_is_number(b) && schema_number_cmp(a, b) == 0;
  if (yyjson_get_type(a) != yyjson_get_type(b)) return false;
  switch (yyjson_get_type(a)) {
    case YYJSON_TYPE_BOOL:
      return yyjson_get_bool(a) == yyjson_get_bool(b);
    case YYJSON_TYPE_STR:
      return is_equal_text(json_str(a), json_str(b), work);
    case YYJSON_TYPE_ARR:
      return is_equal_array(a, b, work);
    case YYJSON_TYPE_OBJ:
      return is_equal_object(a, b, work);
    default:
      return true;
  }
}

/* str_hash is keyed: nobody can choose values that collide. */
static uint64_t mix(uint64_t a, uint64_t b) {
  uint64_t pair[2] = {a, b};
  return str_hash(str_make((const char *)pair, sizeof(pair)));
}

static uint64_t hash_of(yyjson_val *value, size_t *work) {
  uint64_t hash = yyjson_get_type(value);
  size_t i, count;
  yyjson_val *key, *child;
  double rounded;
  if (!schema_spend(work, 1 + (yyjson_is_str(value) ? yyjson_get_len(value) / BYTES_A_STEP : 0))) return 0;
  switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_RAW:
    case YYJSON_TYPE_NUM:
      rounded = schema_number_rounded(value);
      return str_hash(str_make((const char *)&rounded, sizeof(rounded)));
    case YYJSON_TYPE_BOOL:
      return mix(hash, yyjson_get_bool(value));
    case YYJSON_TYPE_STR:
      return mix(hash, str_hash(json_str(value)));
    case YYJSON_TYPE_ARR:
      yyjson_arr_foreach(value, i, count, child) hash = mix(hash, hash_of(child, work));
      return hash;
    case YYJSON_TYPE_OBJ:
      yyjson_obj_foreach(value, i, count, key, child) hash += mix(str_hash(json_str(key)), hash_of(child, work));
      return hash;
    default:
      return hash;
  }
}

struct twin {
  uint64_t hash;
  size_t index;
  yyjson_val *value;
};

static int twin_order(const void *a, const void *b) {
  const struct twin *x = a, *y = b;
  if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
  return x->index < y->index ? -1 : 1;
}

/* Compares each with those before it that share its hash (NULL: with all before it). */
static bool find_among(const struct twin *twins, size_t n, bool is_sorted, size_t *work, size_t *ret_first,
                       size_t *ret_second) {
  for (size_t i = 1; i < n; i++) {
    for (size_t k = i; k-- > 0 && !schema_is_spent(work);) {
      if (is_sorted && twins[k].hash != twins[i].hash) break;
      if (!schema_equal(twins[k].value, twins[i].value, work)) continue;
      *ret_first = twins[k].index;
      *ret_second = twins[i].index;
      return true;
    }
  }
  return false;
}

enum err_code schema_find_twins(yyjson_val *array, size_t *work, bool *ret_is_found, size_t *ret_first,
                                size_t *ret_second) {
  size_t n = yyjson_arr_size(array);
  struct twin few[PAIRWISE_ITEMS], *twins = few;
  bool is_sorted = n > PAIRWISE_ITEMS;
  if (is_sorted) twins = malloc(n * sizeof(*twins)); /* the items are in memory: no overflow */
  if (!twins) return ERR_NO_MEMORY;
  size_t i, count;
  yyjson_val *value;
  yyjson_arr_foreach(array, i, count, value) twins[i] =
      (struct twin){.hash = is_sorted ? hash_of(value, work) : 0, .index = i, .value = value};
  if (is_sorted) qsort(twins, n, sizeof(*twins), twin_order);
  bool is_found = !schema_is_spent(work) && find_among(twins, n, is_sorted, work, ret_first, ret_second);
  *ret_is_found = is_found && !schema_is_spent(work);
  if (is_sorted) free(twins);
  return ERR_NONE;
}
