/* The page that asks whether a client may act for somebody: who it says it is, where the answer goes, in which
 * organisation, and what the person's own roles allow there. A name is the client's own word; where the answer goes is
 * not. */
#include "base/limits.h"
#include "org/toolset.h"
#include "signin/authorize.h"
#include "signin/redirect.h"
#include "signin/scope.h"

enum { ORGANISATIONS_MAX = 20, CONNECTIONS_TEXT = 200 };

static void count_tool(struct allowance *allowance, const struct toolset_tool *tool) {
  if (!tool->connector->kind->needs_rule) return; /* about the caller alone */
  allowance->n_read += tool->tool->does == DOES_READ;
  allowance->n_write += tool->tool->does == DOES_WRITE;
  allowance->n_destroy += tool->tool->does == DOES_DESTROY;
}

static void name_connections(struct arena *arena, const struct toolset *toolset, struct allowance *allowance) {
  struct buf names;
  struct map seen;
  map_init(&seen);
  buf_init(&names, arena, KIB);
  for (size_t i = 0; i < toolset->n_tools; i++) {
    const struct toolset_tool *tool = &toolset->tools[i];
    for (size_t k = 0; k < tool->n_connections && names.n < CONNECTIONS_TEXT; k++) {
      struct str name = tool->connections[k]->policy.name;
      if (map_get(&seen, name) || map_put(&seen, name, (void *)(uintptr_t)tool) != ERR_NONE) continue;
      if (names.n) buf_append_c(&names, ", ");
      buf_append_str(&names, name);
    }
  }
  if (names.n >= CONNECTIONS_TEXT) buf_append_c(&names, " and more");
  allowance->connections = buf_failed(&names) ? STR_NONE : buf_str(&names);
  map_release(&seen);
}

/* The very tools that tools/list would show. What cannot be loaded allows nothing, and says so there. */
static enum err_code load_allowance(struct request *request, struct db_tx *tx, struct allowance *allowance,
                                    struct err *err) {
  struct org_snapshot *snapshot = NULL;
  struct err why = {0};
  enum err_code code =
      org_snapshot_load(tx, request->signin->options.vault, allowance->membership->organisation_id, &snapshot, &why);
  if (code == ERR_INVALID || code == ERR_NOT_FOUND) return ERR_NONE;
  if (code != ERR_NONE) {
    if (err) *err = why;
    return code;
  }
  struct org_user *user = org_snapshot_user(snapshot, allowance->membership->user_id);
  struct toolset *toolset = user ? toolset_make(snapshot, user, STR_NONE) : NULL;
  for (size_t i = 0; toolset && i < toolset->n_tools; i++)
    count_tool(allowance, &toolset->tools[i]);
  if (toolset) name_connections(&request->arena, toolset, allowance);
  toolset_free(toolset);
  org_snapshot_unref(snapshot);
  return ERR_NONE;
}

enum err_code consent_load(struct request *request, struct db_tx *tx, struct err *err) {
  struct authorize_flow *flow = request->flow;
  struct person_memberships memberships;
  enum err_code code = person_memberships(request, tx, request->visitor.session.login_id, &memberships, err);
  if (code != ERR_NONE) return code;
  size_t n = memberships.n < ORGANISATIONS_MAX ? memberships.n : ORGANISATIONS_MAX;
  struct allowance *allowances = arena_new_n(&request->arena, struct allowance, n + 1);
  if (!allowances) return err_no_memory(err);
  for (size_t i = 0; i < n && code == ERR_NONE; i++) {
    allowances[i].membership = &memberships.items[i];
    code = load_allowance(request, tx, &allowances[i], err);
  }
  flow->allowances = allowances;
  flow->n_allowances = n;
  return code;
}

static void add_count(struct buf *out, size_t n, const char *verb) {
  if (n == 0) return;
  if (out->n) buf_append_c(out, ", ");
  buf_printf(out, "%zu that %s%s", n, verb, n == 1 ? "s" : "");
}

static struct str tools_text(struct arena *arena, const struct allowance *allowance) {
  struct buf counts;
  buf_init(&counts, arena, KIB);
  add_count(&counts, allowance->n_read, "read");
  add_count(&counts, allowance->n_write, "change");
  add_count(&counts, allowance->n_destroy, "delete");
  if (!counts.n || buf_failed(&counts)) return STR("Your roles allow no tools there yet.");
  return arena_printf(arena, "Your roles allow tools of %.*s: %.*s.", STR_ARG(allowance->connections),
                      STR_ARG(buf_str(&counts)));
}

static bool allows_any(const struct allowance *allowance) {
  return allowance->n_read + allowance->n_write + allowance->n_destroy > 0;
}

static void write_organisations(struct request *request, struct buf *out) {
  const struct authorize_flow *flow = request->flow;
  size_t likely = 0;
  while (likely < flow->n_allowances && !allows_any(&flow->allowances[likely]))
    likely++;
  if (likely == flow->n_allowances) likely = 0;
  html_raw(out, "<fieldset><legend>For</legend>");
  for (size_t i = 0; i < flow->n_allowances; i++) {
    const struct membership_record *membership = flow->allowances[i].membership;
    char id[UUID_TEXT_SIZE];
    uuid_format(membership->user_id, id);
    HTML(out, "<label class=\"choice\"><input type=\"radio\" name=\"user\" value=\"{}\"", str_of(id));
    html_raw(out, i == likely ? " checked>" : ">");
    HTML(out, "<span>{}<span class=\"hint\">{}</span></span></label>", membership->organisation,
         tools_text(&request->arena, &flow->allowances[i]));
  }
  html_raw(out, "</fieldset>");
}

/* Only what was asked for can be given. */
static void write_scopes(const struct authorize_flow *flow, struct buf *out) {
  static const struct {
    unsigned bit;
    const char *name, *text;
  } kinds[] = {{DOES_READ, "read", "Read"},
               {DOES_WRITE, "write", "Change, where your roles allow it"},
               {DOES_DESTROY, "destroy", "Delete, where your roles allow it"}};
  html_raw(out, "<fieldset><legend>It may</legend>");
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    if (!(flow->scopes & kinds[i].bit)) continue;
    HTML(out, "<label class=\"choice\"><input type=\"checkbox\" name=\"{}\" value=\"1\" checked>{}</label>",
         str_of(kinds[i].name), str_of(kinds[i].text));
  }
  html_raw(out, "</fieldset>");
}

static void write_facts(struct request *request, struct buf *out) {
  const struct authorize_flow *flow = request->flow;
  const struct oauth_client_record *client = &flow->lookup.record;
  bool is_document = str_eq(client->kind, STR("document"));
  HTML(out, "<dl><dt>Program</dt><dd>{}<span class=\"hint\">{}</span></dd>", client->name,
       is_document ? client->client_id : STR("It gave itself this name; nobody has checked it."));
  HTML(out, "<dt>Sends you to</dt><dd><strong>{}</strong></dd><dt>You are</dt><dd>{}</dd></dl>",
       redirect_host(&request->arena, flow->redirect_uri), request->visitor.session.email);
}

void consent_show(struct request *request, int status) {
  const struct authorize_flow *flow = request->flow;
  struct str lead = arena_printf(&request->arena, "%.*s wants to use your tools through Connek, as you.",
                                 STR_ARG(flow->lookup.record.name));
  struct buf *out = request_page(request, "Let this program in?", lead.p ? lead : STR_NONE);
  write_facts(request, out);
  request_form(request, "/oauth/authorize");
  page_hidden(out, "request", flow->text);
  write_organisations(request, out);
  write_scopes(flow, out);
  html_raw(out,
           "<p class=\"dim\">It never gets more than your roles allow. You can end this at any time on your "
           "<a href=\"/account\">account page</a>.</p><div class=\"actions\">");
  page_button(out, "Do not allow", "quiet", "decision", "deny");
  page_button(out, "Allow", "primary", "decision", "allow");
  html_raw(out, "</div></form>");
  request_reply_page(request, status, redirect_source(&request->arena, flow->redirect_uri));
}
