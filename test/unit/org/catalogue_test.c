/* What becomes of an item, seen through the rows and through what a snapshot has of them. */
#include "org/catalogue.h"

#include "base/limits.h"
#include "codec/json.h"
#include "fixture.h"
#include "org/snapshot.h"

#define SERVER "{\"id\":\"x\",\"kind\":\"mcp\",\"url\":\"https://mcp.example/\"}"
#define OBJECT "\"inputSchema\":{\"type\":\"object\"}"
#define TOOL(name, more) "{\"name\":\"" name "\"," OBJECT more "}"
#define READS ",\"annotations\":{\"readOnlyHint\":true}"

struct server {
  struct fixture *f;
  struct uuid connection;
  struct vault_keys *keys;
  struct mcp_listing listing;
  struct catalogue_update update;
};

static void set_trust(struct server *server, const char *trust) {
  /* db_exec keeps statements by their address. */
  write_row(server->f, work_sql,
            strcmp(trust, "accept") == 0        ? "UPDATE connection SET trust = 'accept'"
            : strcmp(trust, "accept-read") == 0 ? "UPDATE connection SET trust = 'accept-read'"
                                                : "UPDATE connection SET trust = 'review'");
}

static enum err_code read_keys(struct db_tx *tx, void *context, struct err *err) {
  struct server *server = context;
  struct organisation_record record;
  enum err_code code = store_organisation_get(tx, &server->f->arena, server->f->organisation, &record, err);
  return code ? code : vault_keys_open(server->f->vault, record.id, record.data_key, &server->keys, err);
}

static void server_begin(struct server *server, struct fixture *f, const char *trust) {
  static const struct uuid nobody = {{0}};
  *server = (struct server){.f = f};
  add_connector_of(f, f->organisation, "x", "mcp", SERVER);
  server->connection = add_connection_with(f, "x1", "x", "{}", nobody, "{}");
  set_trust(server, trust);
  assert_ok(db_read(f->conn, read_keys, server, &test_err));
}

static void server_end(struct server *server) {
  vault_keys_free(server->keys);
}

static enum err_code work_reconcile(struct db_tx *tx, void *context, struct err *err) {
  return catalogue_reconcile(tx, context, err);
}

static void listed(struct server *server, const char *tools) {
  server->listing.tools = str_of(tools);
  server->update = (struct catalogue_update){.organisation_id = server->f->organisation,
                                             .connection_id = server->connection,
                                             .connection_version = 1,
                                             .keys = server->keys,
                                             .listing = &server->listing};
  assert_ok(db_write(server->f->conn, work_reconcile, &server->update, &test_err));
}

struct items {
  struct server *server;
  const struct catalogue_item_record *list;
  size_t n;
};

static enum err_code work_items(struct db_tx *tx, void *context, struct err *err) {
  struct items *items = context;
  return store_catalogue_item_list(tx, &items->server->f->arena, items->server->f->organisation,
                                   items->server->connection, &items->list, &items->n, err);
}

/* "tool a: accepted read; tool b: pending destroy" */
static const char *rows(struct server *server) {
  static char text[2048];
  struct items items = {.server = server};
  assert_ok(db_read(server->f->conn, work_items, &items, &test_err));
  size_t n = 0;
  text[0] = '\0';
  for (size_t i = 0; i < items.n; i++) {
    const struct catalogue_item_record *item = &items.list[i];
    n +=
        (size_t)snprintf(text + n, sizeof text - n, "%s%.*s %.*s: %.*s %.*s%s", i ? "; " : "", STR_ARG(item->kind),
                         STR_ARG(item->name), STR_ARG(item->status), STR_ARG(item->does), item->gone_at ? " gone" : "");
  }
  return text;
}

struct load {
  struct server *server;
  struct org_snapshot *snapshot;
};

static enum err_code work_load(struct db_tx *tx, void *context, struct err *err) {
  struct load *load = context;
  return org_snapshot_load(tx, load->server->f->vault, load->server->f->organisation, &load->snapshot, err);
}

/* The public names of the tools that the connection has: "x_a x_b". */
static const char *visible(struct server *server) {
  static char text[1024];
  struct load load = {.server = server};
  assert_ok(db_read(server->f->conn, work_load, &load, &test_err));
  assert_int_equal(load.snapshot->n_connections, 1);
  const struct connector_connection *connection = &load.snapshot->connections[0];
  size_t n = 0;
  text[0] = '\0';
  for (size_t i = 0; i < load.snapshot->n_tools; i++) {
    const struct connector_tool *tool = load.snapshot->tools[i]->tool;
    assert_true(org_has_tool(connection, tool));
    n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", n ? " " : "", STR_ARG(tool->public_name));
  }
  org_snapshot_unref(load.snapshot);
  return text;
}

static void what_is_new_waits_unless_the_server_is_trusted(void **state) {
  static const char tools[] = "[" TOOL("look", READS) "," TOOL("smash", "") "," TOOL(
      "write", ",\"annotations\":{\"destructiveHint\":false}") "]";
  const struct {
    const char *trust, *rows, *visible;
  } cases[] = {
      {"review", "tool look: pending destroy; tool smash: pending destroy; tool write: pending destroy", ""},
      {"accept-read", "tool look: accepted read; tool smash: pending destroy; tool write: pending destroy", "x_look"},
      {"accept", "tool look: accepted read; tool smash: accepted destroy; tool write: accepted write",
       "x_look x_smash x_write"},
  };
  struct server server;
  server_begin(&server, *state, "review");
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) { /* more trust lets in what waited */
    set_trust(&server, cases[i].trust);
    listed(&server, tools);
    assert_string_equal(rows(&server), cases[i].rows);
    assert_string_equal(visible(&server), cases[i].visible);
    assert_int_equal(server.update.is_changed, i > 0 || cases[i].visible[0] != '\0');
    listed(&server, tools);
    assert_false(server.update.is_changed);
  }
  server_end(&server);
}

static void a_change_is_quarantined_alone_and_forgotten_when_it_is_taken_back(void **state) {
  struct server server;
  server_begin(&server, *state, "accept");
  listed(&server, "[" TOOL("a", "") "," TOOL("b", "") "]");
  assert_string_equal(visible(&server), "x_a x_b");
  listed(&server, "[" TOOL("a", ",\"title\":\"New\"") "," TOOL("b", "") "]");
  assert_true(server.update.is_changed);
  assert_string_equal(rows(&server), "tool a: quarantined destroy; tool b: accepted destroy");
  assert_string_equal(visible(&server), "x_b");
  listed(&server, "[" TOOL("a", ",\"title\":\"Newer\"") "," TOOL("b", "") "]");
  assert_string_equal(visible(&server), "x_b");
  /* Another order of members is the same definition. */
  listed(&server, "[{" OBJECT ",\"name\":\"a\"}," TOOL("b", "") "]");
  assert_string_equal(rows(&server), "tool a: accepted destroy; tool b: accepted destroy");
  assert_string_equal(visible(&server), "x_a x_b");
  server_end(&server);
}

static void invisible_characters_alone_are_a_change(void **state) {
  struct server server;
  server_begin(&server, *state, "accept");
  listed(&server, "[" TOOL("a", ",\"description\":\"ab\"") "]");
  listed(&server, "[" TOOL("a", ",\"description\":\"a\\u200bb\"") "]");
  assert_string_equal(rows(&server), "tool a: quarantined destroy");
  server_end(&server);
}

static void what_is_gone_is_hidden_and_comes_back_as_it_was(void **state) {
  struct server server;
  server_begin(&server, *state, "accept");
  listed(&server, "[" TOOL("a", READS) "]");
  listed(&server, "");
  assert_string_equal(rows(&server), "tool a: accepted read gone");
  assert_string_equal(visible(&server), "");
  set_trust(&server, "review");
  listed(&server, "[" TOOL("a", READS) "]");
  assert_string_equal(rows(&server), "tool a: accepted read");
  listed(&server, "");
  listed(&server, "[" TOOL("a", "") "]");
  assert_string_equal(rows(&server), "tool a: quarantined read");
  server_end(&server);
}

static void what_waited_and_is_gone_leaves_nothing(void **state) {
  struct server server;
  server_begin(&server, *state, "review");
  listed(&server, "[" TOOL("a", "") "]");
  listed(&server, "[]");
  assert_string_equal(rows(&server), "");
  server_end(&server);
}

static enum err_code work_decide(struct db_tx *tx, void *context, struct err *err) {
  struct items *items = context;
  struct organisation_record organisation;
  struct connection_record connection;
  struct server *server = items->server;
  struct catalogue_item_record item = items->list[0];
  enum err_code code = store_organisation_get(tx, &server->f->arena, server->f->organisation, &organisation, err);
  if (!code) {
    code = store_connection_get(tx, &server->f->arena, server->f->organisation, server->connection, &connection, err);
  }
  const struct catalogue_decision no = {.organisation = &organisation, .connection = &connection, .keys = server->keys};
  struct catalogue_decision yes = no;
  yes.is_accepted = true;
  if (code) return code;
  return catalogue_decide(tx, items->n == 0 ? &no : &yes, &item, err);
}

static enum err_code decide(struct server *server, bool is_accepted) {
  struct items items = {.server = server};
  assert_ok(db_read(server->f->conn, work_items, &items, &test_err));
  assert_int_equal(items.n, 1);
  items.n = is_accepted;
  return db_write(server->f->conn, work_decide, &items, &test_err);
}

static void what_was_rejected_is_not_let_in_under_another_definition(void **state) {
  struct server server;
  server_begin(&server, *state, "review");
  listed(&server, "[" TOOL("a", READS) "]");
  assert_ok(decide(&server, false));
  set_trust(&server, "accept");
  listed(&server, "[" TOOL("a", READS) "]");
  assert_string_equal(rows(&server), "tool a: rejected destroy");
  for (int i = 0; i < 3; i++) { /* however often it is said, and withdrawn */
    listed(&server, "[" TOOL("a", READS ",\"title\":\"Other\"") "]");
    assert_string_equal(rows(&server), "tool a: pending destroy");
    if (i > 0) listed(&server, "[]");
  }
  listed(&server, "[" TOOL("a", READS ",\"title\":\"Other\"") "]");
  assert_ok(decide(&server, true));
  assert_string_equal(visible(&server), "x_a");
  server_end(&server);
}

static struct server another(const struct server *server, const char *name, const char *connector, struct uuid owner) {
  struct server other = *server;
  other.connection = add_connection_with(server->f, name, connector, "{}", owner, "{}");
  return other;
}

static void what_was_accepted_at_another_connection_holds_for_a_persons_own(void **state) {
  static const struct uuid nobody = {{0}};
  static const char first[] = "[" TOOL("a", READS) "]", second[] = "[" TOOL("a", "") "]";
  struct fixture *f = *state;
  struct server shared;
  server_begin(&shared, f, "review");
  add_connector_of(f, f->organisation, "y", "mcp", SERVER);
  struct uuid ann = add_user(f, "ann@acme.example"), bob = add_user(f, "bob@acme.example");
  struct server own = another(&shared, "own", "x", ann), bobs = another(&shared, "bobs", "x", bob),
                also_shared = another(&shared, "x2", "x", nobody), elsewhere = another(&shared, "y1", "y", ann);
  listed(&shared, first);
  listed(&own, first);
  assert_string_equal(rows(&own), "tool a: pending destroy");
  assert_ok(decide(&shared, true));
  write_row(f, work_sql, "UPDATE catalogue_item SET does = 'read' WHERE status = 'accepted'");
  listed(&own, first);
  assert_string_equal(rows(&own), "tool a: accepted read");
  assert_true(own.update.is_changed);
  listed(&own, first);
  assert_false(own.update.is_changed);
  listed(&also_shared, first); /* which an admin has made, and looks at */
  assert_string_equal(rows(&also_shared), "tool a: pending destroy");
  listed(&elsewhere, first);
  assert_string_equal(rows(&elsewhere), "tool a: pending destroy");
  /* Another definition is nobody's until somebody accepts that one, at whosever connection. */
  listed(&own, second);
  assert_string_equal(rows(&own), "tool a: quarantined read");
  listed(&bobs, second);
  assert_string_equal(rows(&bobs), "tool a: pending destroy");
  assert_ok(decide(&bobs, true));
  listed(&own, second);
  assert_string_equal(rows(&own), "tool a: accepted destroy");
  server_end(&shared);
}

static void what_was_rejected_anywhere_is_asked_about_on_a_persons_own(void **state) {
  static const struct uuid nobody = {{0}};
  static const char tools[] = "[" TOOL("a", READS) "]";
  struct fixture *f = *state;
  struct server shared;
  server_begin(&shared, f, "review");
  struct server other = another(&shared, "x2", "x", nobody),
                own = another(&shared, "own", "x", add_user(f, "ann@acme.example"));
  listed(&shared, tools);
  listed(&other, tools);
  assert_ok(decide(&shared, true));
  assert_ok(decide(&other, false));
  listed(&own, tools);
  assert_string_equal(rows(&own), "tool a: pending destroy");
  assert_ok(decide(&own, false));
  assert_ok(decide(&other, true));
  listed(&own, tools);
  assert_string_equal(rows(&own), "tool a: rejected destroy");
  server_end(&shared);
}

static void a_rejected_change_is_forgotten_with_the_change(void **state) {
  struct server server;
  server_begin(&server, *state, "accept");
  listed(&server, "[" TOOL("a", READS) "]");
  listed(&server, "[" TOOL("a", "") "]");
  assert_ok(decide(&server, false));
  listed(&server, "[" TOOL("a", "") "]");
  assert_string_equal(rows(&server), "tool a: rejected read");
  listed(&server, "[" TOOL("a", READS) "]");
  assert_string_equal(rows(&server), "tool a: accepted read");
  server_end(&server);
}

static void a_refused_item_cannot_be_accepted(void **state) {
  struct server server;
  server_begin(&server, *state, "accept");
  listed(&server, "[{\"name\":\"a\",\"inputSchema\":{\"type\":\"object\",\"$ref\":\"https://evil.example/\"}}]");
  assert_string_equal(rows(&server), "tool a: refused destroy");
  assert_int_equal(decide(&server, true), ERR_INVALID);
  assert_string_equal(visible(&server), "");
  listed(&server, "[" TOOL("a", "") "]");
  assert_string_equal(rows(&server), "tool a: accepted destroy");
  /* What was accepted and cannot be used any more is hidden, and is there again when it is what it was. */
  listed(&server, "[{\"name\":\"a\"}]");
  assert_string_equal(visible(&server), "");
  listed(&server, "[" TOOL("a", "") "]");
  assert_string_equal(visible(&server), "x_a");
  server_end(&server);
}

static void a_list_that_is_none_changes_nothing_but_the_error(void **state) {
  struct server server;
  server_begin(&server, *state, "accept");
  listed(&server, "[" TOOL("a", "") "]");
  static const char *const bad[] = {"{}", "[", "7", "[{\"name\":\"a\",\"name\":\"b\"}]"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    listed(&server, bad[i]);
    assert_true(server.update.is_refused);
    assert_non_null(strstr(server.update.refusal, "its list of tools"));
    assert_false(server.update.is_changed);
    assert_string_equal(visible(&server), "x_a");
  }
  server_end(&server);
}

static void a_listing_of_another_version_is_let_go(void **state) {
  struct server server;
  server_begin(&server, *state, "accept");
  write_row(server.f, work_sql, "UPDATE connection SET version = 2");
  listed(&server, "[" TOOL("a", "") "]");
  assert_string_equal(rows(&server), "");
  server_end(&server);
}

static void too_many_tools_are_cut_and_said(void **state) {
  struct server server;
  server_begin(&server, *state, "accept");
  struct buf tools;
  buf_init(&tools, NULL, 16 * 1024 * 1024);
  buf_append_byte(&tools, '[');
  for (int i = 0; i < LIMIT_CATALOGUE_ITEMS + 10; i++)
    buf_printf(&tools, "%s{\"name\":\"t%05d\"," OBJECT "}", i ? "," : "", i);
  buf_append_byte(&tools, ']');
  buf_append_byte(&tools, '\0');
  listed(&server, tools.p);
  struct items items = {.server = &server};
  assert_ok(db_read(server.f->conn, work_items, &items, &test_err));
  assert_int_equal(items.n, LIMIT_CATALOGUE_ITEMS);
  buf_release(&tools);
  server_end(&server);
}

static void differences_are_told_field_by_field(void **state) {
  struct fixture *f = *state;
  struct buf out;
  buf_init(&out, &f->arena, 4096);
  assert_ok(catalogue_difference(&f->arena, STR("{\"a\":1,\"b\":{\"c\":[1,2],\"d/e\":\"x\"},\"f\":true}"),
                                 STR("{\"a\":1,\"b\":{\"c\":[1,3,4],\"d/e\":\"y\"},\"g\":null}"), &out, &test_err));
  assert_str(buf_str(&out), "~ /b/c/1: 2 -> 3\n+ /b/c/2: 4\n~ /b/d~1e: \"x\" -> \"y\"\n- /f: true\n+ /g: null\n");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      fixture_test(what_is_new_waits_unless_the_server_is_trusted),
      fixture_test(a_change_is_quarantined_alone_and_forgotten_when_it_is_taken_back),
      fixture_test(invisible_characters_alone_are_a_change),
      fixture_test(what_is_gone_is_hidden_and_comes_back_as_it_was),
      fixture_test(what_waited_and_is_gone_leaves_nothing),
      fixture_test(what_was_rejected_is_not_let_in_under_another_definition),
      fixture_test(what_was_accepted_at_another_connection_holds_for_a_persons_own),
      fixture_test(what_was_rejected_anywhere_is_asked_about_on_a_persons_own),
      fixture_test(a_rejected_change_is_forgotten_with_the_change),
      fixture_test(a_refused_item_cannot_be_accepted),
      fixture_test(a_list_that_is_none_changes_nothing_but_the_error),
      fixture_test(a_listing_of_another_version_is_let_go),
      fixture_test(too_many_tools_are_cut_and_said),
      fixture_test(differences_are_told_field_by_field),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
