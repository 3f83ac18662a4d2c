/* Forms and cookies as browsers send them. Knows no field's meaning. */
#include "web/form.h"

#include "base/secret.h"
#include "codec/url.h"

static bool decode(struct arena *arena, struct str encoded, struct str *ret_text) {
  char *copy = arena_alloc(arena, encoded.n + 1);
  if (!copy) return false;
  for (size_t i = 0; i < encoded.n; i++)
    copy[i] = encoded.p[i];
  for (size_t i = 0; i < encoded.n; i++) {
    if (copy[i] == '+') copy[i] = ' ';
  }
  bool is_fine = url_decode(arena, str_make(copy, encoded.n), ret_text);
  secret_wipe(copy, encoded.n);
  return is_fine;
}

bool form_read(struct arena *arena, struct str text, struct form *ret_form) {
  struct form form = {.fields = arena_new_n(arena, struct form_field, FORM_FIELDS)};
  if (!form.fields) return false;
  struct str rest = text;
  while (rest.n) {
    struct str value = str_cut(&rest, '&');
    if (!value.n) continue;
    struct str name = str_cut(&value, '=');
    if (form.n == FORM_FIELDS) return false;
    struct form_field *field = &form.fields[form.n++];
    if (!decode(arena, name, &field->name) || !decode(arena, value.p ? value : STR(""), &field->value)) return false;
  }
  *ret_form = form;
  return true;
}

struct str form_get(const struct form *form, const char *name) {
  for (size_t i = 0; i < form->n; i++) {
    if (str_eq_c(form->fields[i].name, name)) return form->fields[i].value;
  }
  return STR_NONE;
}

bool form_repeats(const struct form *form, const char *name) {
  size_t n = 0;
  for (size_t i = 0; i < form->n; i++)
    n += str_eq_c(form->fields[i].name, name);
  return n > 1;
}

void form_wipe(struct form *form) {
  for (size_t i = 0; i < form->n; i++)
    secret_wipe((char *)(uintptr_t)form->fields[i].value.p, form->fields[i].value.n);
  form->n = 0;
}

struct str cookie_find(const struct http_exchange *http, const char *name) {
  struct str found = STR_NONE;
  for (size_t i = 0; i < http->n_fields; i++) {
    if (!str_eq_fold(http->fields[i].name, STR("Cookie"))) continue;
    struct str rest = http->fields[i].value;
    while (rest.p) {
      struct str value = str_trim(str_cut(&rest, ';'));
      struct str own = str_cut(&value, '=');
      if (!str_eq_c(own, name) || !value.p) continue;
      if (found.p)
        return STR_NONE; /* whose it is cannot be told: a neighbour's subdomain may have set one (RFC 6265, 8.6) */
      found = value;
    }
  }
  return found;
}
