/* The frame of list and revoke commands. Must not know what is listed. */
#include "cli/listing.h"

#include "base/limits.h"
#include "config/words.h"
#include "store/sign_in.h"

struct str listing_time(int64_t utc_us, char text[CLOCK_TEXT_SIZE]) {
  if (!utc_us) return STR("-");
  clock_format(utc_us, text);
  return str_make(text, 19); /* to the second */
}

struct str listing_id(struct uuid id, char text[UUID_TEXT_SIZE]) {
  uuid_format(id, text);
  return str_of(text);
}

void listing_row(struct listing *listing, const struct str *cells) {
  if (table_add(&listing->table, cells)) table_write(&listing->table, &listing->out);
}

enum err_code organisations_visit(const struct cli_args *args, struct arena *arena, struct db_tx *tx,
                                  organisation_visit visit, void *context, struct err *err) {
  const char *name = cli_value(args, "organisation");
  const struct organisation_record *all;
  struct organisation_record one;
  size_t n = 1;
  enum err_code code = name ? store_organisation_find(tx, arena, str_of(name), &one, err)
                            : store_organisation_list(tx, arena, &all, &n, err);
  if (code == ERR_NONE && name) all = &one;
  for (size_t i = 0; code == ERR_NONE && i < n; i++)
    code = visit(context, tx, &all[i], err);
  return code;
}

static int read_email(const struct cli_args *args, struct arena *arena, struct str *ret_email) {
  struct err err = {0};
  const char *user = cli_value(args, "user");
  if (user && config_email_read(arena, str_of(user), ret_email, &err)) return cli_usage(args, "--user: %s", err.text);
  return CLI_OK;
}

/* --- lists --- */

struct walk {
  struct listing *listing;
  enum listing_scope scope;
  listing_visit visit;
};

static enum err_code visit_one(void *context, struct db_tx *tx, const struct organisation_record *organisation,
                               struct err *err) {
  struct walk *walk = context;
  return walk->visit(walk->listing, tx, organisation, err);
}

static enum err_code list_in(struct db_tx *tx, void *context, struct err *err) {
  static const struct organisation_record installation = {.name = STR("")};
  struct walk *walk = context;
  enum err_code code = ERR_NONE;
  if (walk->scope != LISTING_ORGANISATIONS) code = visit_one(walk, tx, &installation, err);
  if (code != ERR_NONE || walk->scope == LISTING_INSTALLATION) return code;
  return organisations_visit(walk->listing->args, walk->listing->arena, tx, visit_one, walk, err);
}

static int print(struct listing *listing) {
  if (!listing->is_json) table_write(&listing->table, &listing->out);
  if (listing->notes.n) buf_append_byte(&listing->out, '\n');
  buf_append_str(&listing->out, buf_str(&listing->notes));
  return cli_print_buf(listing->args, &listing->out);
}

int listing_run(const struct cli_args *args, struct arena *arena, const char *const *heads, enum listing_scope scope,
                listing_visit visit) {
  struct listing listing = {.args = args, .arena = arena, .is_json = cli_has(args, "json")};
  struct walk walk = {&listing, scope, visit};
  struct err err = {0};
  struct cli_store store;
  int exit_code = read_email(args, arena, &listing.email);
  if (exit_code) return exit_code;
  if (cli_open(args, CLI_READ, &store, &err)) return cli_fail(args, &err);
  buf_init(&listing.out, NULL, (size_t)1024 * MIB);
  buf_init(&listing.notes, arena, 16 * MIB);
  table_init(&listing.table, heads);
  exit_code = db_read(store.conn, list_in, &walk, &err) ? cli_fail(args, &err) : print(&listing);
  table_release(&listing.table);
  buf_release(&listing.out);
  cli_close(&store);
  return exit_code;
}

/* --- ending --- */

bool ending_means(const struct ending *ending, struct uuid id, struct str email) {
  return ending->email.n ? str_eq(ending->email, email) : uuid_eq(ending->id, id);
}

void ending_report(struct ending *ending, struct uuid id, int64_t ended_at, bool was_before) {
  char text[UUID_TEXT_SIZE];
  ending->n++;
  uuid_format(id, text);
  if (!ending->is_json) {
    buf_printf(&ending->out, was_before ? "%s was revoked already\n" : "revoked %s\n", text);
    return;
  }
  json_line_begin(&ending->out);
  json_line_text(&ending->out, "id", str_of(text));
  json_line_time(&ending->out, "revoked", ended_at);
  json_line_end(&ending->out);
}

struct end {
  struct ending ending;
  const struct ending_kind *kind;
};

static enum err_code end_in(struct db_tx *tx, void *context, struct err *err) {
  struct end *end = context;
  const struct ending *ending = &end->ending;
  enum err_code code = end->kind->end(&end->ending, tx, err);
  if (code != ERR_NONE || ending->n > 0) return code;
  if (!ending->email.n)
    return err_set(err, ERR_NOT_FOUND, "there is no such %s; connek %s list shows them", end->kind->noun,
                   end->kind->noun);
  struct login_record login;
  code = store_login_find(tx, ending->arena, ending->email, &login, err);
  if (code == ERR_NOT_FOUND) return err_set(err, code, "nobody has the address %.*s here", STR_ARG(ending->email));
  if (code == ERR_NONE && !ending->is_json)
    buf_printf(&end->ending.out, "%.*s has no %s that is not revoked\n", STR_ARG(ending->email), end->kind->noun);
  return code;
}

/* The word may be a secret that was taken for an id: it is never repeated. */
static int read_which(struct ending *ending, const char *noun) {
  const struct cli_args *args = ending->args;
  int exit_code = read_email(args, ending->arena, &ending->email);
  if (exit_code) return exit_code;
  if ((ending->email.n > 0) == (args->n_words == 1))
    return cli_usage(args, "name one %s by its id (connek %s list shows it), or all of --user EMAIL", noun, noun);
  if (args->n_words && !uuid_parse(str_of(args->words[0]), &ending->id))
    return cli_usage(args, "that is not a %s's id; connek %s list shows them", noun, noun);
  return CLI_OK;
}

static int confirm(struct ending *ending, const struct cli_store *store, struct err *err) {
  if (cli_confirm(store, err) == ERR_NONE) return cli_print_buf(ending->args, &ending->out);
  (void)cli_print_buf(ending->args, &ending->out);
  cli_warn(ending->args,
           "revoked in the database, but the server running on %s has not confirmed it (%s) and may still take what "
           "was revoked. It looks for changes by itself every two seconds. Run this again; if it fails again, restart "
           "the server",
           store->dir, err->text);
  return CLI_FAILED;
}

int ending_run(const struct cli_args *args, struct arena *arena, const struct ending_kind *kind) {
  struct end end = {{.args = args, .arena = arena, .is_json = cli_has(args, "json")}, kind};
  struct err err = {0};
  struct cli_store store;
  int exit_code = read_which(&end.ending, kind->noun);
  if (exit_code) return exit_code;
  if (cli_open(args, CLI_WRITE, &store, &err)) return cli_fail(args, &err);
  end.ending.store = &store;
  buf_init(&end.ending.out, arena, (size_t)64 * MIB);
  if (db_write(store.conn, end_in, &end, &err))
    exit_code = cli_fail(args, &err);
  else if (kind->is_asked_again)
    exit_code = cli_print_buf(args, &end.ending.out);
  else /* also for what was revoked before: that time it may not have been confirmed */
    exit_code = confirm(&end.ending, &store, &err);
  cli_close(&store);
  return exit_code;
}
