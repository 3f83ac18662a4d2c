/* The servers that use one database (node.c). What a row means, cluster/membership.h says. */
#ifndef CONNEK_STORE_NODE_H
#define CONNEK_STORE_NODE_H

#include "store/store.h"

struct node_record {
  struct str name, address;
  struct uuid run;
  int64_t beat, applied; /* applied -1: it does not serve yet */
  int64_t started_at;    /* UTC microseconds, by its own clock; store_node_join sets it */
};

enum err_code store_node_list(STORE_TX, STORE_LIST(node_record)) MUST_CHECK;
/* With its first beat. *ret_is_new false: a row of that name is there, and stays. */
enum err_code store_node_join(struct db_tx *tx, const struct node_record *record, bool *ret_is_new,
                              struct err *err) MUST_CHECK;
/* *ret_is_there false: there is no such row any more, and nothing was changed. */
enum err_code store_node_beat(struct db_tx *tx, const struct node_record *record, bool *ret_is_there,
                              struct err *err) MUST_CHECK;
/* Whatever its beat is. */
enum err_code store_node_leave(struct db_tx *tx, struct str name, struct uuid run, struct err *err) MUST_CHECK;
/* Unless it has beaten since. */
enum err_code store_node_forget(struct db_tx *tx, const struct node_record *record, struct err *err) MUST_CHECK;

#endif
