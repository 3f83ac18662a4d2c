/* Where a webhook may lead, by its text alone. Which address a name resolves to is judged by the guard when it is sent.
 */
#include "codec/url.h"
#include "webhook/webhook.h"

enum err_code webhook_check_address(struct arena *arena, struct str address, struct err *err) {
  struct url url;
  enum err_code code = url_parse(arena, address, &url, err);
  if (code != ERR_NONE || str_eq(url.scheme, STR("https")) || url_is_loopback(&url)) return code;
  return err_set(err, ERR_INVALID, "what is sent there could be read on the way: begin it with https");
}
