/* Access tokens at the command line: the URL they belong to. */
#include "cli/token.h"

#include "codec/url.h"

static struct str without_slash(struct str url) {
  while (url.n && url.p[url.n - 1] == '/')
    url.n--;
  return url;
}

int token_read_public_url(const struct cli_args *args, struct arena *arena, struct str *ret_url) {
  const char *text = cli_value(args, "public-url");
  *ret_url = STR_NONE;
  if (!text) return CLI_OK;
  struct url url;
  struct err err = {0};
  if (url_parse(arena, str_of(text), &url, &err)) return cli_usage(args, "--public-url: %s", err.text);
  if (url.query.n) return cli_usage(args, "--public-url must not have a query");
  *ret_url = without_slash(str_of(text));
  return CLI_OK;
}

enum err_code token_public_url(struct db_tx *tx, struct arena *arena, struct str *url, struct err *err) {
  if (url->n) return ERR_NONE;
  struct err missing = {0};
  struct str stored;
  enum err_code code = store_installation_get(tx, arena, "public_url", &stored, &missing);
  if (code && code != ERR_NOT_FOUND) {
    if (err) *err = missing;
    return code;
  }
  *url = code ? STR("http://127.0.0.1:8080") : without_slash(stored);
  return ERR_NONE;
}
