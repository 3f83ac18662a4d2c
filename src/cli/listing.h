/* What the list commands share, and those that end something that was listed: the walk over organisations, one line a
 * thing as JSON or in a table, ids and times in it; which one is meant, and that a running server has taken it. */
#ifndef CONNEK_CLI_LISTING_H
#define CONNEK_CLI_LISTING_H

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/json_line.h"
#include "cli/open.h"
#include "cli/table.h"

struct listing {
  const struct cli_args *args;
  struct arena *arena;
  struct str email; /* of --user; empty: everybody's */
  bool is_json;
  struct buf out;
  struct buf notes; /* stand below the table */
  struct table table;
};

/* In one read transaction. With the nil id and an empty name: what belongs to the installation. */
typedef enum err_code (*listing_visit)(struct listing *listing, struct db_tx *tx,
                                       const struct organisation_record *organisation, struct err *err);

enum listing_scope {
  LISTING_ORGANISATIONS, /* of --organisation, or all */
  LISTING_ALL,           /* the installation first, then these */
  LISTING_INSTALLATION,  /* what belongs to no organisation */
};

/* The whole command, with --data, --organisation, --user and --json as far as it has them. `heads` end with NULL. */
int listing_run(const struct cli_args *args, struct arena *arena, const char *const *heads, enum listing_scope scope,
                listing_visit visit);
void listing_row(struct listing *listing, const struct str *cells);

/* For cells; the text is the caller's. A time is to the second, or "-" for none. */
struct str listing_time(int64_t utc_us, char text[CLOCK_TEXT_SIZE]);
struct str listing_id(struct uuid id, char text[UUID_TEXT_SIZE]);

/* Visits the organisations that a command's --organisation names: that one, or all. */
typedef enum err_code (*organisation_visit)(void *context, struct db_tx *tx,
                                            const struct organisation_record *organisation, struct err *err);
enum err_code organisations_visit(const struct cli_args *args, struct arena *arena, struct db_tx *tx,
                                  organisation_visit visit, void *context, struct err *err) MUST_CHECK;

/* --- ending --- */

struct ending {
  const struct cli_args *args;
  const struct cli_store *store;
  struct arena *arena;
  struct str email; /* all of this user's; empty: the one with this id */
  struct uuid id;
  bool is_json;
  size_t n; /* found */
  struct buf out;
};

struct ending_kind {
  const char *noun;    /* "client": for its id, and "connek client list shows it" */
  bool is_asked_again; /* the server asks the database each time: nothing has to be confirmed */
  enum err_code (*end)(struct ending *ending, struct db_tx *tx, struct err *err);
};

/* The whole command: [ID] or --user, in one write transaction, and until a running server has taken it. */
int ending_run(const struct cli_args *args, struct arena *arena, const struct ending_kind *kind);
/* Is it the one, or one of those, that are meant? */
bool ending_means(const struct ending *ending, struct uuid id, struct str email);
/* One was ended now, or (`was_before`) already. */
void ending_report(struct ending *ending, struct uuid id, int64_t ended_at, bool was_before);

#endif
