/* The events of a legacy stream, kept for a while so that a client whose connection broke can go on where it was
 * (2025-11-25, transports, Resumability). A log lives where its stream was begun and has one reader at a time, which
 * may be at another worker; an event's id names worker, log and number. */
#ifndef CONNEK_GATEWAY_EVENT_LOG_H
#define CONNEK_GATEWAY_EVENT_LOG_H

#include "base/map.h"
#include "base/str.h"
#include "base/uuid.h"
#include "gateway/session.h"

struct worker;
struct event_log;

/* Whoever takes the events. A reader ends by being told so, by event_log_leave, or when another one takes its place. */
struct event_reader {
  void (*event)(struct event_reader *reader, struct str id, struct str data);
  void (*end)(struct event_reader *reader, bool is_replaced); /* nothing follows */
};

enum { EVENT_ID_SIZE = 64 };

/* A worker's. */
struct event_logs {
  struct map by_id;
  struct event_log *first_idle, *last_idle; /* without a reader, or ended: oldest first */
  size_t bytes;                             /* of all events kept */
};

/* Of one session. NULL: no memory, or too many. */
struct event_log *event_log_new(struct worker *worker, struct uuid user_id, const struct session *session);
/* An event without content, whose id says where the stream begins. */
void event_log_prime(struct event_log *log);
void event_log_append(struct event_log *log, struct str data);
/* Nothing more will come. The log stays for a while and then goes by itself. */
void event_log_end(struct event_log *log);
/* Gives the events after number `after` and then those that come. A log that has ended ends its reader at once. */
void event_log_read(struct event_log *log, struct event_reader *reader, uint64_t after);
void event_log_leave(struct event_log *log, const struct event_reader *reader);
/* The log that an event's id is of: at this worker, and of this user's session. NULL: unknown. */
struct event_log *event_log_find(struct worker *worker, uint64_t id, struct uuid user_id,
                                 const struct session *session);
/* Of an event's id. False: none of ours. */
bool event_id_read(struct str text, unsigned *ret_worker, uint64_t *ret_log, uint64_t *ret_number);
/* Lets go of what has been kept long enough; all of it at the end. */
void event_logs_sweep(struct worker *worker);
void event_logs_free(struct worker *worker);

#endif
