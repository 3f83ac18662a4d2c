/* The database equal to the file: what changes, what does not, and that it is all or nothing. */
#include "base/clock.h"
#include "fixture.h"

#define ORDERS(description)                                                                   \
  "{\"manifest\":1,\"id\":\"orders\",\"name\":\"Orders\",\"base\":\"http://127.0.0.1:4010\"," \
  "\"auth\":[{\"type\":\"key\",\"in\":\"header\",\"name\":\"X-Key\"}],\"tools\":[{\"name\":"  \
  "\"list\",\"does\":\"read\",\"description\":\"" description "\",\"call\":\"GET /orders\"}]}"
#define LEDGER "{\"name\":\"ledger\",\"connector\":\"sqlite\",\"settings\":{\"file\":\"ledger.db\"}}"
#define ORGANISATION "\"organisation\":\"acme\""

static const char whole[] = "{" ORGANISATION ",\"limits\":{\"per_minute\":600},\"connectors\":[" ORDERS(
    "Lists orders") "],\"connections\":[" LEDGER
                    ",{\"name\":\"orders\",\"connector\":\"orders\",\"labels\":{\"client\":\"globex\",\"area\":\"eu\"},"
                    "\"credential\":{\"key\":\"s3cret\"}},{\"name\":\"own\",\"connector\":\"sqlite\",\"owner\":\"ANN@"
                    "acme.example\","
                    "\"settings\":{\"file\":\"ledger.db\"}}],\"roles\":[{\"name\":\"finance\",\"rules\":[{"
                    "\"connection\":\"ledger\","
                    "\"does\":[\"read\"]},{\"label\":\"client=globex\",\"tools\":[\"*\"],\"effect\":\"deny\"}]},{"
                    "\"name\":\"none\"}],"
                    "\"users\":[{\"email\":\"ann@acme.example\",\"kind\":\"owner\",\"roles\":[\"finance\"]},"
                    "{\"email\":\"bob@acme.example\",\"roles\":[\"finance\",\"none\"]}]}";

static const char whole_printed[] =
    "+ organisation acme\n+ limit per_minute: 600\n+ connector orders\n+ role finance\n+ role none\n"
    "+ user ann@acme.example\n+ user bob@acme.example\n+ connection ledger\n+ connection orders\n+ connection own\n";

/* --- looking into the database --- */

struct look {
  struct fixture *t;
  struct organisation_record organisation;
  const struct connection_record *connections;
  const struct connector_record *connectors;
  const struct role_record *roles;
  const struct user_record *users;
  const struct user_role_record *pairs;
  const struct access_rule_record *rules;
  const struct call_limit_record *limits;
  const struct change_record *changes;
  size_t n_connections, n_connectors, n_roles, n_users, n_pairs, n_rules, n_limits, n_changes, n_records;
  char words[2048]; /* of the audit records, in order */
};

static enum err_code count_record(const struct audit_entry *entry, void *context, struct err *err) {
  struct look *look = context;
  assert_str(entry->kind, "change");
  assert_str(entry->user, "operator");
  assert_str(entry->decision, "allowed");
  size_t n = strlen(look->words);
  (void)snprintf(look->words + n, sizeof(look->words) - n, "%.*s ", STR_ARG(entry->tool));
  look->n_records++;
  return ERR_NONE;
}

static const struct vault_keys *keys_of(struct uuid organisation_id, void *context) {
  return context;
}

static enum err_code look_in(struct db_tx *tx, void *context, struct err *err) {
  struct look *look = context;
  struct arena *arena = &look->t->arena;
  assert_ok(store_organisation_find(tx, arena, STR("acme"), &look->organisation, &test_err));
  struct uuid id = look->organisation.id;
  assert_ok(store_connection_list(tx, arena, id, &look->connections, &look->n_connections, &test_err));
  assert_ok(store_connector_list(tx, arena, id, &look->connectors, &look->n_connectors, &test_err));
  assert_ok(store_role_list(tx, arena, id, &look->roles, &look->n_roles, &test_err));
  assert_ok(store_user_list(tx, arena, id, &look->users, &look->n_users, &test_err));
  assert_ok(store_user_role_list(tx, arena, id, &look->pairs, &look->n_pairs, &test_err));
  assert_ok(store_access_rule_list(tx, arena, id, &look->rules, &look->n_rules, &test_err));
  assert_ok(store_call_limit_list(tx, arena, id, &look->limits, &look->n_limits, &test_err));
  assert_ok(store_change_list(tx, arena, 0, 1000, &look->changes, &look->n_changes, &test_err));
  struct vault_keys *keys = NULL;
  assert_ok(vault_keys_open(look->t->vault, id, look->organisation.data_key, &keys, &test_err));
  assert_ok(audit_list(tx, id, keys_of, keys, false, count_record, look, &test_err));
  vault_keys_free(keys);
  return ERR_NONE;
}

static struct look look(struct fixture *t) {
  struct look look = {.t = t};
  assert_ok(db_read(t->conn, look_in, &look, &test_err));
  return look;
}

static const struct connection_record *connection_named(const struct look *look, const char *name) {
  for (size_t i = 0; i < look->n_connections; i++) {
    if (str_eq_c(look->connections[i].name, name)) return &look->connections[i];
  }
  fail_msg("there is no connection %s", name);
  return NULL;
}

static void assert_credential(const struct look *look, const char *name, const char *expected) {
  const struct connection_record *connection = connection_named(look, name);
  struct vault_keys *keys = NULL;
  struct secret *plain = NULL;
  assert_ok(vault_keys_open(look->t->vault, look->organisation.id, look->organisation.data_key, &keys, &test_err));
  assert_ok(vault_unseal(keys, vault_place_credential(&connection->id), connection->credential, &plain, &test_err));
  assert_str(secret_open(plain), expected);
  secret_free(plain);
  vault_keys_free(keys);
}

/* --- tests --- */

static size_t n_builtins(void) {
  size_t n;
  (void)connector_builtins(&n);
  return n;
}

static void a_first_apply_makes_everything(void **state) {
  struct fixture *t = *state;
  assert_applies(t, whole, whole_printed);
  struct look is = look(t);
  assert_int_equal(is.n_connections, 3);
  assert_int_equal(is.n_connectors, n_builtins() + 1);
  assert_int_equal(is.n_roles, 2);
  assert_int_equal(is.n_users, 2);
  assert_int_equal(is.n_pairs, 3);
  assert_int_equal(is.n_rules, 2);
  assert_int_equal(is.n_limits, 1);
  assert_str(is.limits[0].scope, "token");
  assert_int_equal(is.limits[0].scope_key.n, 0);
  assert_int_equal(is.limits[0].window_us, 60000000);
  assert_int_equal(is.limits[0].cap, 600);
  assert_str(connection_named(&is, "orders")->labels, "{\"area\":\"eu\",\"client\":\"globex\"}");
  assert_true(uuid_eq(connection_named(&is, "own")->owner_user_id, is.users[0].id));
  assert_str(is.users[0].kind, "owner");
  assert_credential(&is, "orders", "{\"key\":\"s3cret\"}");
  assert_int_equal(connection_named(&is, "ledger")->credential.n, 0);
}

static void a_second_apply_changes_nothing(void **state) {
  struct fixture *t = *state;
  assert_applies(t, whole, whole_printed);
  struct look before = look(t);
  assert_nothing_to_change(t, whole);
  struct look after = look(t);
  assert_int_equal(after.organisation.version, before.organisation.version);
  assert_int_equal(after.n_changes, before.n_changes);
  assert_int_equal(after.n_records, before.n_records);
  assert_int_equal(connection_named(&after, "orders")->version, 1);
}

static void each_change_has_its_record_and_all_one_row_of_the_change_log(void **state) {
  struct fixture *t = *state;
  assert_applies(t, whole, whole_printed);
  struct look is = look(t);
  assert_string_equal(is.words,
                      "organisation.create limit.create connector.create role.create role.create user.create "
                      "user.create connection.create connection.create connection.create ");
  assert_int_equal(is.n_changes, 1);
  assert_int_equal(is.changes[0].kind, CHANGE_ORGANISATION);
  assert_true(uuid_eq(is.changes[0].organisation_id, is.organisation.id));
}

static void what_differs_is_named(void **state) {
  struct fixture *t = *state;
  assert_applies(t, whole, whole_printed);
  put_database(t, "other.db");
  static const char changed[] =
      "{" ORGANISATION ",\"limits\":{\"per_minute\":60},\"connectors\":[" ORDERS("Lists all orders") "],"
      "\"connections\":[{\"name\":\"ledger\",\"connector\":\"sqlite\",\"settings\":{\"file\":\"other.db\"}},"
      "{\"name\":\"orders\",\"connector\":\"orders\",\"labels\":{\"client\":\"initech\"},"
      "\"credential\":{\"key\":\"changed\"}},{\"name\":\"own\",\"connector\":\"sqlite\",\"owner\":\"bob@acme.example\","
      "\"settings\":{\"file\":\"ledger.db\"}}],\"roles\":[{\"name\":\"finance\",\"rules\":[{\"label\":\"client=globex\","
      "\"tools\":[\"*\"],\"effect\":\"deny\"}]},{\"name\":\"none\"}],\"users\":[{\"email\":\"ann@acme.example\","
      "\"roles\":[]},{\"email\":\"bob@acme.example\",\"roles\":[\"none\",\"finance\"]}]}";
  struct look before = look(t);
  assert_applies(t, changed,
                 "~ limit per_minute: 60 instead of 600\n~ connector orders: version 2\n~ role finance: rules\n"
                 "~ user ann@acme.example: kind, roles\n~ connection ledger: settings\n"
                 "~ connection orders: labels, credential\n~ connection own: owner\n");
  struct look after = look(t);
  assert_credential(&after, "orders", "{\"key\":\"changed\"}");
  assert_str(after.users[0].kind, "member");
  assert_int_equal(connection_named(&after, "orders")->version, 2);
  assert_true(uuid_eq(connection_named(&after, "orders")->id, connection_named(&before, "orders")->id));
  assert_int_equal(after.organisation.version, before.organisation.version + 1);
  assert_int_equal(after.n_rules, 1);
  assert_true(uuid_eq(after.rules[0].id, before.rules[0].id) || uuid_eq(after.rules[0].id, before.rules[1].id));
  assert_nothing_to_change(t, changed);
}

static void an_unnamed_credential_stays_and_null_removes_it(void **state) {
  struct fixture *t = *state;
#define WITH(credential) \
  "{" ORGANISATION ",\"connectors\":[" ORDERS("Lists orders") "],\"connections\":[{\"name\":\"orders\"," \
  "\"connector\":\"orders\"" credential "}]}"
  assert_non_null(apply_text(t, WITH(",\"credential\":{\"key\":\"s3cret\"}"), false, NULL));
  assert_nothing_to_change(t, WITH(""));
  struct look is = look(t);
  assert_credential(&is, "orders", "{\"key\":\"s3cret\"}");
  assert_applies(t, WITH(",\"credential\":null"), "~ connection orders: credential\n");
  is = look(t);
  assert_int_equal(connection_named(&is, "orders")->credential.n, 0);
  assert_nothing_to_change(t, WITH(",\"credential\":null"));
}

static void a_credential_does_not_follow_to_another_connector(void **state) {
  struct fixture *t = *state;
  assert_non_null(apply_text(t, WITH(",\"credential\":{\"key\":\"s3cret\"}"), false, NULL));
  static const char moved[] = "{" ORGANISATION ",\"connectors\":[" ORDERS("Lists orders") "],\"connections\":[{"
                              "\"name\":\"orders\",\"connector\":\"sqlite\",\"settings\":{\"file\":\"ledger.db\"}}]}";
  assert_applies(t, moved, "~ connection orders: connector, settings, credential\n");
  struct look is = look(t);
  assert_int_equal(connection_named(&is, "orders")->credential.n, 0);
}

#define ELSEWHERE                                                                             \
  "{\"manifest\":1,\"id\":\"orders\",\"name\":\"Orders\",\"base\":\"http://127.0.0.1:4011\"," \
  "\"auth\":[{\"type\":\"key\",\"in\":\"header\",\"name\":\"X-Key\"}],\"tools\":[{\"name\":"  \
  "\"list\",\"does\":\"read\",\"description\":\"Lists orders\",\"call\":\"GET /orders\"}]}"
#define MOVED(connections) "{" ORGANISATION ",\"connectors\":[" ELSEWHERE "]" connections "}"
#define MOVED_ORDERS(more) MOVED(",\"connections\":[{\"name\":\"orders\",\"connector\":\"orders\"" more "}]")

static void assert_refused(struct fixture *t, const char *text, const char *part) {
  assert_null(apply_text(t, text, false, NULL));
  if (!strstr(test_err.text, part)) fail_msg("\"%s\" does not say \"%s\"", test_err.text, part);
}

static void a_credential_does_not_follow_to_another_place(void **state) {
  struct fixture *t = *state;
  assert_non_null(apply_text(t, WITH(",\"credential\":{\"key\":\"s3cret\"}"), false, NULL));
  assert_refused(t, MOVED_ORDERS(""), "entered for another place");
  assert_refused(t, MOVED(""), "the credential of the connection \"orders\" would go to another place");
  assert_nothing_to_change(t, WITH(""));
  assert_applies(t, MOVED_ORDERS(",\"credential\":{\"key\":\"s3cret\"}"), "~ connector orders: version 2\n");
  assert_refused(t, WITH(""), "entered for another place");
  assert_applies(t, WITH(",\"credential\":null"), "~ connector orders: version 3\n~ connection orders: credential\n");
  assert_applies(t, MOVED_ORDERS(""), "~ connector orders: version 4\n");
}

static void a_personal_credential_does_not_follow_to_another_person(void **state) {
  struct fixture *t = *state;
#define OWNED(who, more) \
  "{" ORGANISATION ",\"connectors\":[" ORDERS("Lists orders") "],\"connections\":[{\"name\":\"orders\","        \
  "\"connector\":\"orders\"" who more "}],\"users\":[{\"email\":\"ann@acme.example\"},{\"email\":\"bob@acme.example\"}]}"
#define ANN ",\"owner\":\"ann@acme.example\""
#define BOB ",\"owner\":\"bob@acme.example\""
  assert_non_null(apply_text(t, OWNED(ANN, ",\"credential\":{\"key\":\"s3cret\"}"), false, NULL));
  assert_refused(t, OWNED(BOB, ""), "another place or person");
  assert_refused(t, OWNED("", ""), "another place or person");
  assert_nothing_to_change(t, OWNED(ANN, ""));
  assert_applies(t, OWNED(BOB, ",\"credential\":{\"key\":\"bobs\"}"), "~ connection orders: owner, credential\n");
}

static void a_secret_is_in_no_plain_column_and_no_record(void **state) {
  struct fixture *t = *state;
  assert_applies(t, whole, whole_printed);
  static const char *const names[] = {"connek.db", "connek.db-wal"};
  for (size_t i = 0; i < 2; i++) {
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", t->data, names[i]);
    FILE *file = fopen(path, "r");
    if (!file) continue;
    static char bytes[8 * 1024 * 1024];
    size_t n = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    assert_true(n < sizeof(bytes));
    assert_null(memmem(bytes, n, "s3cret", 6));
  }
}

static void what_the_file_does_not_name_is_listed_and_kept(void **state) {
  struct fixture *t = *state;
  assert_applies(t, whole, whole_printed);
  size_t n = 7;
  const char *out = apply_text(t, "{" ORGANISATION "}", false, &n);
  assert_non_null(out);
  assert_int_equal(n, 0);
  assert_string_equal(out,
                      "  not in the file: connection ledger (kept; --prune removes it)\n"
                      "  not in the file: connection orders (kept; --prune removes it)\n"
                      "  not in the file: connection own (kept; --prune removes it)\n"
                      "  not in the file: user ann@acme.example (kept; --prune removes it)\n"
                      "  not in the file: user bob@acme.example (kept; --prune removes it)\n"
                      "  not in the file: role finance (kept; --prune removes it)\n"
                      "  not in the file: role none (kept; --prune removes it)\n"
                      "  not in the file: connector orders (kept; --prune removes it)\n"
                      "  not in the file: limit per_minute (kept; --prune removes it)\n");
  assert_int_equal(look(t).n_connections, 3);
}

static enum err_code add_token(struct db_tx *tx, void *context, struct err *err) {
  const struct look *is = context;
  struct access_token_record token = {.id = uuid_new(),
                                      .organisation_id = is->organisation.id,
                                      .user_id = is->users[1].id,
                                      .kind = STR("url"),
                                      .name = STR("laptop"),
                                      .created_at = clock_utc_us()};
  return store_access_token_insert(tx, &token, err);
}

static void how_long_records_are_kept_is_set_changed_and_taken_back(void **state) {
  struct fixture *t = *state;
  assert_applies(t, "{" ORGANISATION ",\"audit\":{\"retention_days\":365}}",
                 "+ organisation acme\n+ audit retention_days: 365\n");
  assert_applies(t, "{" ORGANISATION ",\"audit\":{\"retention_days\":365}}", "");
  assert_applies(t, "{" ORGANISATION ",\"audit\":{\"retention_days\":90}}",
                 "~ audit retention_days: 90 instead of 365\n");
  assert_applies(t, "{" ORGANISATION "}", "  not in the file: audit retention_days (kept; --prune removes it)\n");
  assert_applies(t, "{" ORGANISATION ",\"audit\":{\"retention_days\":0}}", "- audit retention_days: for ever\n");
  assert_applies(t, "{" ORGANISATION ",\"audit\":{\"retention_days\":90}}", "+ audit retention_days: 90\n");
  size_t n = 0;
  const char *out = apply_text(t, "{" ORGANISATION "}", true, &n);
  assert_non_null(out);
  assert_string_equal(out, "- audit retention_days: for ever\n");
}

static void prune_removes_and_says_so(void **state) {
  struct fixture *t = *state;
  assert_applies(t, whole, whole_printed);
  struct look before = look(t);
  assert_ok(db_write(t->conn, add_token, &before, &test_err));
  size_t n = 0;
  const char *out = apply_text(t,
                               "{" ORGANISATION
                               ",\"users\":[{\"email\":\"ann@acme.example\",\"kind\":\"owner\","
                               "\"roles\":[\"finance\"]}],\"roles\":[{\"name\":\"finance\",\"rules\":[{"
                               "\"connection\":\"ledger\",\"does\":[\"read\"]}]}],\"connections\":[" LEDGER "]}",
                               true, &n);
  assert_non_null(out);
  assert_string_equal(out,
                      "~ role finance: rules\n- connection orders\n- connection own\n- user bob@acme.example\n"
                      "- role none\n- connector orders\n- limit per_minute\n");
  assert_int_equal(n, 7);
  struct look after = look(t);
  assert_int_equal(after.n_connections, 1);
  assert_int_equal(after.n_connectors, n_builtins());
  assert_int_equal(after.n_users, 1);
  assert_int_equal(after.n_roles, 1);
  assert_int_equal(after.n_limits, 0);
  /* A running server hears of the token of whoever was removed. */
  assert_int_equal(after.n_changes, before.n_changes + 2);
  assert_int_equal(after.changes[before.n_changes].kind, CHANGE_ACCESS_TOKEN);
}

static void prune_leaves_other_organisations_alone(void **state) {
  struct fixture *t = *state;
  assert_applies(t, whole, whole_printed);
  assert_non_null(
      apply_text(t, "{\"organisation\":\"globex\",\"users\":[{\"email\":\"ann@acme.example\"}]}", true, NULL));
  assert_non_null(apply_text(t, "{\"organisation\":\"globex\"}", true, NULL));
  assert_nothing_to_change(t, whole);
}

struct reference {
  const char *text, *pointer, *says;
  bool may_prune;
};

static void a_reference_must_lead_somewhere(void **state) {
  struct fixture *t = *state;
#define RULE(rule) "{" ORGANISATION ",\"roles\":[{\"name\":\"a\",\"rules\":[" rule "]}]}"
  static const struct reference cases[] = {
      {"{" ORGANISATION ",\"connections\":[{\"name\":\"x\",\"connector\":\"nowhere\"}]}", "/connections/0/connector",
       "no connector \"nowhere\"", false},
      {"{" ORGANISATION ",\"connections\":[{\"name\":\"x\",\"connector\":\"sqlite\",\"owner\":\"eve@acme.example\","
       "\"settings\":{\"file\":\"ledger.db\"}}]}",
       "/connections/0/owner", "no user eve@acme.example", false},
      {RULE("{\"connection\":\"nowhere\",\"does\":[\"read\"]}"), "/roles/0/rules/0/connection",
       "no connection \"nowhere\"", false},
      {RULE("{\"connector\":\"nowhere\",\"does\":[\"read\"]}"), "/roles/0/rules/0/connector",
       "no connector \"nowhere\"", false},
      {"{" ORGANISATION ",\"users\":[{\"email\":\"a@acme.example\",\"roles\":[\"finance\",\"nowhere\"]}]}",
       "/users/0/roles/1", "no role \"nowhere\"", false},
      /* What is about to be removed is as good as gone. */
      {RULE("{\"connection\":\"ledger\",\"does\":[\"read\"]}"), "/roles/0/rules/0/connection",
       "no connection \"ledger\"", true},
      {RULE("{\"connector\":\"orders\",\"does\":[\"read\"]}"), "/roles/0/rules/0/connector", "no connector \"orders\"",
       true},
      {"{" ORGANISATION ",\"users\":[{\"email\":\"a@acme.example\",\"roles\":[\"finance\"]}]}", "/users/0/roles/0",
       "no role \"finance\"", true},
  };
  assert_applies(t, whole, whole_printed);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    if (apply_text(t, cases[i].text, cases[i].may_prune, NULL)) fail_msg("taken: %s", cases[i].text);
    if (!str_ends(str_of(test_err.place), str_of(cases[i].pointer)) || !strstr(test_err.text, cases[i].says)) {
      fail_msg("%s: \"%s\" at \"%s\"", cases[i].text, test_err.text, test_err.place);
    }
  }
}

static void what_the_database_has_may_be_named(void **state) {
  struct fixture *t = *state;
  assert_applies(t, whole, whole_printed);
  const char *out =
      apply_text(t,
                 "{" ORGANISATION
                 ",\"connections\":[{\"name\":\"more\",\"connector\":\"orders\",\"owner\":"
                 "\"bob@acme.example\"}],\"roles\":[{\"name\":\"more\",\"rules\":[{\"connection\":\"ledger\",\"does\":"
                 "[\"read\"]},{\"connector\":\"sqlite\",\"does\":[\"read\"]},{\"connector\":\"orders\",\"does\":"
                 "[\"read\"]}]}],\"users\":[{\"email\":\"eve@acme.example\",\"roles\":[\"finance\"]}]}",
                 false, NULL);
  if (!out) fail_msg("refused: %s [%s]", test_err.text, test_err.place);
  assert_true(strncmp(out, "+ role more\n+ user eve@acme.example\n+ connection more\n", 54) == 0);
}

static void a_connector_of_the_database_checks_settings_too(void **state) {
  struct fixture *t = *state;
  assert_applies(t, whole, whole_printed);
  assert_null(apply_text(t,
                         "{" ORGANISATION ",\"connections\":[{\"name\":\"more\",\"connector\":\"orders\","
                         "\"settings\":{\"nonsense\":1}}]}",
                         false, NULL));
  assert_non_null(strstr(test_err.place, "acme.json: /connections/0/settings"));
}

/* --- all or nothing --- */

struct failing {
  struct apply_run apply;
  bool has_applied;
};

static enum err_code apply_and_fail(struct db_tx *tx, void *context, struct err *err) {
  struct failing *failing = context;
  enum err_code code = apply_in(tx, &failing->apply, err);
  if (code) return code;
  failing->has_applied = true;
  return err_set(err, ERR_UNAVAILABLE, "too late");
}

static void a_failure_at_the_last_step_leaves_nothing(void **state) {
  struct fixture *t = *state;
  assert_applies(t, "{" ORGANISATION "}", "+ organisation acme\n");
  struct look before = look(t);
  struct config *config = read_config(t, whole);
  struct failing failing = {.apply = {.t = t, .config = config}};
  buf_init(&failing.apply.out, &t->arena, 1 << 20);
  assert_int_equal(db_write(t->conn, apply_and_fail, &failing, &test_err), ERR_UNAVAILABLE);
  assert_true(failing.has_applied);
  config_release(config);
  struct look after = look(t);
  assert_int_equal(after.n_connections + after.n_roles + after.n_users + after.n_limits, 0);
  assert_int_equal(after.n_records, before.n_records);
  assert_int_equal(after.n_changes, before.n_changes);
  assert_int_equal(after.organisation.version, before.organisation.version);
}

static void a_failure_within_leaves_nothing(void **state) {
  struct fixture *t = *state;
  assert_applies(t, "{" ORGANISATION "}", "+ organisation acme\n");
  /* Found only once connections are written: by then role and user are. */
  assert_null(apply_text(t,
                         "{" ORGANISATION ",\"roles\":[{\"name\":\"a\"}],\"users\":[{\"email\":\"a@acme.example\","
                         "\"roles\":[\"a\"]}],\"connections\":[" LEDGER ",{\"name\":\"x\",\"connector\":\"nowhere\"}]}",
                         false, NULL));
  struct look after = look(t);
  assert_int_equal(after.n_connections + after.n_roles + after.n_users, 0);
}

/* --- what a role may get --- */

static void a_roles_largest_result_is_applied_changed_and_taken_away(void **state) {
  struct fixture *t = *state;
#define SIZED(more) "{" ORGANISATION ",\"roles\":[{\"name\":\"few\"" more ",\"rules\":[]}]}"
  assert_applies(t, SIZED(",\"max_result\":4096"), "+ organisation acme\n+ role few\n");
  assert_int_equal(look(t).roles[0].max_result, 4096);
  assert_nothing_to_change(t, SIZED(",\"max_result\":4096"));
  assert_applies(t, SIZED(",\"max_result\":8192"), "~ role few: max_result\n");
  assert_int_equal(look(t).roles[0].max_result, 8192);
  assert_applies(t, SIZED(""), "~ role few: max_result\n");
  assert_int_equal(look(t).roles[0].max_result, 0);
}

/* --- built-in connectors --- */

#define GITHUB                                                                                     \
  "\"connections\":[{\"name\":\"code\",\"connector\":\"github\",\"credential\":{\"key\":{\"env\":" \
  "\"APPLY_KEY\"}}"

static void a_connection_names_a_builtin_and_no_file(void **state) {
  struct fixture *t = *state;
  setenv("APPLY_KEY", "k", 1);
  assert_applies(t, "{" ORGANISATION "," GITHUB "}]}", "+ organisation acme\n+ connection code\n");
  assert_int_equal(look(t).n_connectors, n_builtins());
}

static enum err_code last_change(struct db_tx *tx, void *context, struct err *err) {
  return store_change_last(tx, context, err);
}

static void builtins_are_installed_once(void **state) {
  struct fixture *t = *state;
  assert_applies(t, "{" ORGANISATION "}", "+ organisation acme\n");
  struct look before = look(t);
  assert_int_equal(before.n_connectors, n_builtins());
  int64_t seq = 0, seq_after = 0;
  assert_ok(db_read(t->conn, last_change, &seq, &test_err));
  assert_ok(db_write(t->conn, install, NULL, &test_err));
  struct look after = look(t);
  assert_int_equal(after.n_connectors, before.n_connectors);
  for (size_t i = 0; i < after.n_connectors; i++) {
    assert_int_equal(after.connectors[i].version, 1);
    assert_str(after.connectors[i].source, "builtin");
    assert_true(uuid_is_nil(after.connectors[i].organisation_id));
  }
  assert_ok(db_read(t->conn, last_change, &seq_after, &test_err));
  assert_int_equal(seq, seq_after);
}

static enum err_code spoil_builtin(struct db_tx *tx, void *context, struct err *err) {
  return db_exec(tx, "UPDATE connector SET hash = $1 WHERE id = 'sqlite'",
                 DB_PARAMS(DB_V_BLOB(STR("01234567890123456789012345678901"))), err);
}

static void a_changed_builtin_gets_the_next_version_and_every_organisation_hears_of_it(void **state) {
  struct fixture *t = *state;
  assert_applies(t, "{" ORGANISATION "}", "+ organisation acme\n");
  int64_t version = look(t).organisation.version;
  assert_ok(db_write(t->conn, spoil_builtin, NULL, &test_err)); /* as if an older binary had installed it */
  assert_ok(db_write(t->conn, install, NULL, &test_err));
  struct look after = look(t);
  for (size_t i = 0; i < after.n_connectors; i++) {
    assert_int_equal(after.connectors[i].version, str_eq_c(after.connectors[i].id, "sqlite") ? 2 : 1);
  }
  assert_int_equal(after.organisation.version, version + 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CONFIG_UNIT(a_first_apply_makes_everything),
      CONFIG_UNIT(a_second_apply_changes_nothing),
      CONFIG_UNIT(each_change_has_its_record_and_all_one_row_of_the_change_log),
      CONFIG_UNIT(what_differs_is_named),
      CONFIG_UNIT(an_unnamed_credential_stays_and_null_removes_it),
      CONFIG_UNIT(a_credential_does_not_follow_to_another_connector),
      CONFIG_UNIT(a_credential_does_not_follow_to_another_place),
      CONFIG_UNIT(a_personal_credential_does_not_follow_to_another_person),
      CONFIG_UNIT(a_secret_is_in_no_plain_column_and_no_record),
      CONFIG_UNIT(what_the_file_does_not_name_is_listed_and_kept),
      CONFIG_UNIT(how_long_records_are_kept_is_set_changed_and_taken_back),
      CONFIG_UNIT(prune_removes_and_says_so),
      CONFIG_UNIT(prune_leaves_other_organisations_alone),
      CONFIG_UNIT(a_reference_must_lead_somewhere),
      CONFIG_UNIT(what_the_database_has_may_be_named),
      CONFIG_UNIT(a_connector_of_the_database_checks_settings_too),
      CONFIG_UNIT(a_failure_at_the_last_step_leaves_nothing),
      CONFIG_UNIT(a_failure_within_leaves_nothing),
      CONFIG_UNIT(a_roles_largest_result_is_applied_changed_and_taken_away),
      CONFIG_UNIT(a_connection_names_a_builtin_and_no_file),
      CONFIG_UNIT(builtins_are_installed_once),
      CONFIG_UNIT(a_changed_builtin_gets_the_next_version_and_every_organisation_hears_of_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
