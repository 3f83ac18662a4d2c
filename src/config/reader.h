/* What the readers of a configuration file's parts share. Private to this folder. */
#ifndef CONNEK_CONFIG_READER_H
#define CONNEK_CONFIG_READER_H

#include "codec/json.h"
#include "config/model.h"
#include "config/place.h"

struct map;

struct config_reader {
  struct config *config;
  struct arena *arena;
  struct map *connectors; /* id -> struct connector: the file's own, and built-in ones that were asked for */
  struct err *err;
};

/* members.c. Each sets the error's place. */

/* An object that has no members but `known` (n names). */
enum err_code read_object(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                          const char *const *known, size_t n_known) MUST_CHECK;
#define READ_OBJECT(reader, value, place, ...)                                \
  read_object((reader), (value), (place), (const char *const[]){__VA_ARGS__}, \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
/* An array, or absent (*ret_n 0). */
enum err_code read_array(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                         size_t *ret_n) MUST_CHECK;
/* A string that must be there. */
enum err_code read_string(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                          struct str *ret_text) MUST_CHECK;
/* A name that must be there (config_name_check). */
enum err_code read_name(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                        struct str *ret_name) MUST_CHECK;
enum err_code read_email(const struct config_reader *reader, yyjson_val *value, const struct config_place *place,
                         struct str *ret_email) MUST_CHECK;
/* Refuses a name that stands in `seen` already, and adds it. */
enum err_code read_once(const struct config_reader *reader, struct map *seen, struct str name,
                        const struct config_place *place, const char *what) MUST_CHECK;
enum err_code read_place(const struct config_reader *reader, const struct config_place *place,
                         struct str *ret_place) MUST_CHECK;

/* read_*.c: one part of the file each */
enum err_code read_connectors(const struct config_reader *reader, yyjson_val *value,
                              const struct config_place *place) MUST_CHECK;
enum err_code read_connections(const struct config_reader *reader, yyjson_val *value,
                               const struct config_place *place) MUST_CHECK;
enum err_code read_roles(const struct config_reader *reader, yyjson_val *value,
                         const struct config_place *place) MUST_CHECK;
enum err_code read_users(const struct config_reader *reader, yyjson_val *value,
                         const struct config_place *place) MUST_CHECK;

/* The definition that a connection named `id` in this file would use: the file's own, or a built-in one; NULL: neither.
 */
enum err_code read_find_connector(const struct config_reader *reader, struct str id,
                                  const struct connector **ret_connector) MUST_CHECK;

#endif
