/* Notes of sessions, one book a worker: written by tasks in its mailbox. */
#include "gateway/session_book.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/limits.h"
#include "gateway/session_home.h"
#include "gateway/worker.h"

struct session_note {
  uint8_t nonce[SESSION_NONCE];
  bool has_ended;
  int level;
  struct session_note *next;
};

/* On its way through all mailboxes; the last one posts it back. */
struct news {
  struct loop_task back;
  struct worker *from;
  uint8_t nonce[SESSION_NONCE];
  bool has_ended;
  int level;
  void (*done)(void *context);
  void *context;
  atomic_size_t n_left;
  struct visit {
    struct loop_task task;
    struct news *news;
    struct worker *worker;
  } visits[];
};

static struct str key_of(const uint8_t *nonce) {
  return str_make((const char *)nonce, SESSION_NONCE);
}

static const struct session_note *find(const struct worker *worker, const struct session *session) {
  if (worker->sessions.n == 0) return NULL;
  return map_get(&worker->sessions.by_nonce, key_of(session->nonce));
}

bool session_has_ended(const struct worker *worker, const struct session *session) {
  const struct session_note *note = find(worker, session);
  return note && note->has_ended;
}

int session_log_level(const struct worker *worker, const struct session *session) {
  const struct session_note *note = find(worker, session);
  return note ? note->level : -1;
}

static void forget_first(struct session_book *book) {
  struct session_note *note = book->first;
  book->first = note->next;
  if (!book->first) book->last = NULL;
  book->n--;
  map_remove(&book->by_nonce, key_of(note->nonce));
  free(note);
}

static struct session_note *note_of(struct session_book *book, const uint8_t *nonce) {
  struct session_note *note = map_get(&book->by_nonce, key_of(nonce));
  if (note) return note;
  while (book->n >= LIMIT_SESSION_NOTES)
    forget_first(book);
  note = calloc(1, sizeof(*note));
  if (!note) return NULL;
  memcpy(note->nonce, nonce, sizeof(note->nonce));
  note->level = -1;
  if (map_put(&book->by_nonce, key_of(note->nonce), note) != ERR_NONE) {
    free(note);
    return NULL;
  }
  *(book->last ? &book->last->next : &book->first) = note;
  book->last = note;
  book->n++;
  return note;
}

static void on_back(struct loop_task *task) {
  struct news *news = (struct news *)task;
  news->done(news->context);
  free(news);
}

static void on_visit(struct loop_task *task) {
  struct visit *visit = (struct visit *)task;
  struct news *news = visit->news;
  struct session_note *note = note_of(&visit->worker->sessions, news->nonce);
  if (note && news->has_ended) note->has_ended = true;
  if (note && news->level >= 0) note->level = news->level;
  if (news->has_ended) session_home_end(visit->worker, news->nonce);
  if (atomic_fetch_sub(&news->n_left, 1) != 1) return;
  news->back.run = on_back;
  loop_post(&news->from->loop, &news->back);
}

static bool tell(struct worker *worker, const struct session *session, bool has_ended, int level,
                 void (*done)(void *context), void *context) {
  struct server *server = worker->server;
  unsigned n = server->n_workers;
  struct news *news = calloc(1, sizeof(*news) + n * sizeof(news->visits[0]));
  if (!news) return false;
  news->from = worker;
  memcpy(news->nonce, session->nonce, sizeof(news->nonce));
  news->has_ended = has_ended;
  news->level = level;
  news->done = done;
  news->context = context;
  atomic_init(&news->n_left, n);
  for (unsigned i = 0; i < n; i++)
    news->visits[i] = (struct visit){{.run = on_visit}, news, &server->workers[i]};
  for (unsigned i = 0; i < n; i++) /* with the last post it may be gone */
    loop_post(&server->workers[i].loop, &news->visits[i].task);
  return true;
}

bool session_tell_ended(struct worker *worker, const struct session *session, void (*done)(void *context),
                        void *context) {
  return tell(worker, session, true, -1, done, context);
}

bool session_tell_log_level(struct worker *worker, const struct session *session, int level,
                            void (*done)(void *context), void *context) {
  return tell(worker, session, false, level, done, context);
}

void session_book_free(struct worker *worker) {
  while (worker->sessions.first)
    forget_first(&worker->sessions);
  map_release(&worker->sessions.by_nonce);
}
