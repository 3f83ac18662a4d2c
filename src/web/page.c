/* The frame, fields and buttons of pages. Knows no page's purpose. */
#include "web/page.h"

#include <inttypes.h>

#include "base/clock.h"
#include "web/style.h"

void page_begin(struct buf *out, struct str title, struct str lead) {
  HTML(out,
       "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
       "<meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\">"
       "<title>{} \xc2\xb7 Connek</title><link rel=\"stylesheet\" href=\"" PAGE_STYLE_PATH
       "\"></head><body><main><p class=\"brand\"><span class=\"mark\" aria-hidden=\"true\"></span>Connek</p>"
       "<h1>{}</h1>",
       title, title);
  if (lead.n) HTML(out, "<p class=\"lead\">{}</p>", lead);
}

void page_end(struct buf *out) {
  html_raw(out, "</main></body></html>\n");
}

void page_problem(struct buf *out, struct str problem) {
  if (problem.n) HTML(out, "<p class=\"problem\" role=\"alert\">{}</p>", problem);
}

void page_input(struct buf *out, const struct page_input *input) {
  struct str name = str_of(input->name);
  HTML(out,
       "<p class=\"field\"><label for=\"{}\">{}</label><input id=\"{}\" name=\"{}\" type=\"{}\" autocomplete=\"{}\"",
       name, str_of(input->label), name, name, str_of(input->type), str_of(input->autocomplete));
  if (input->value.n) HTML(out, " value=\"{}\"", input->value);
  if (!input->is_optional) html_raw(out, " required");
  if (input->has_focus) html_raw(out, " autofocus");
  if (input->hint.n) HTML(out, " aria-describedby=\"{}-hint\"", name);
  if (input->is_digits) html_raw(out, " inputmode=\"numeric\"");
  html_raw(out, " spellcheck=\"false\" autocapitalize=\"none\">");
  if (input->hint.n) HTML(out, "<span class=\"hint\" id=\"{}-hint\">{}</span>", name, input->hint);
  html_raw(out, "</p>");
}

void page_new_password(struct buf *out, bool has_focus) {
  page_input(out, &(struct page_input){.name = "password",
                                       .label = "New password",
                                       .type = "password",
                                       .autocomplete = "new-password",
                                       .hint = STR("At least 10 characters. A few words in a row are good."),
                                       .has_focus = has_focus});
  page_input(out, &(struct page_input){
                      .name = "again", .label = "The same again", .type = "password", .autocomplete = "new-password"});
}

void page_hidden(struct buf *out, const char *name, struct str value) {
  HTML(out, "<input type=\"hidden\" name=\"{}\" value=\"{}\">", str_of(name), value);
}

void page_button(struct buf *out, const char *label, const char *kind, const char *name, const char *value) {
  HTML(out, "<button class=\"{}\"", str_of(kind));
  if (name) HTML(out, " name=\"{}\" value=\"{}\"", str_of(name), str_of(value));
  HTML(out, ">{}</button>", str_of(label));
}

static void write_ago(struct buf *out, int64_t minutes, const char *date) {
  static const struct {
    int64_t minutes;
    const char *word;
  } units[] = {{INT64_C(24) * 60, "day"}, {60, "hour"}, {1, "minute"}};
  if (minutes >= 30 * units[0].minutes) {
    buf_printf(out, "%.10s", date);
    return;
  }
  for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
    int64_t n = minutes / units[i].minutes;
    if (n < 1) continue;
    buf_printf(out, "%" PRId64 " %s%s ago", n, units[i].word, n == 1 ? "" : "s");
    return;
  }
  html_raw(out, "just now");
}

void page_time(struct buf *out, int64_t utc_us, int64_t now_us) {
  char text[CLOCK_TEXT_SIZE];
  if (!utc_us) {
    html_raw(out, "never");
    return;
  }
  clock_format(utc_us, text);
  buf_printf(out, "<time datetime=\"%.19sZ\" title=\"%.10s %.5s UTC\">", text, text, text + 11);
  write_ago(out, (now_us - utc_us) / (INT64_C(60) * 1000000), text);
  html_raw(out, "</time>");
}

struct http_field *page_fields(struct arena *arena, struct str form_target, size_t *ret_n) {
  struct http_field *fields = arena_new_n(arena, struct http_field, PAGE_FIELDS);
  struct str policy = arena_printf(arena,
                                   "default-src 'none'; style-src 'self'; form-action 'self'%s%.*s; "
                                   "frame-ancestors 'none'; base-uri 'none'",
                                   form_target.n ? " " : "", STR_ARG(form_target));
  size_t n = 0;
  if (!fields || !policy.p) return NULL;
  fields[n++] = (struct http_field){STR("Cache-Control"), STR("no-store")};
  fields[n++] = (struct http_field){STR("Content-Security-Policy"), policy};
  fields[n++] = (struct http_field){STR("X-Frame-Options"), STR("DENY")};
  fields[n++] = (struct http_field){STR("X-Content-Type-Options"), STR("nosniff")};
  /* Not no-referrer: under it browsers send forms with "Origin: null" (Fetch, "append a request Origin header"). */
  fields[n++] = (struct http_field){STR("Referrer-Policy"), STR("same-origin")};
  *ret_n = n;
  return fields;
}

struct str page_style(void) {
  return str_make(style_page, strlen(style_page));
}
