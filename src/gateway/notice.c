/* What MCP servers behind us say unasked. Must not know how it was heard. */
#include "gateway/notice.h"

#include <stdlib.h>

#include "base/log.h"
#include "gateway/discovery.h"
#include "gateway/worker.h"

struct told {
  struct loop_task task;
  struct worker *worker;
  struct mcp_notice notice;
  char text[];
};

static void on_told(struct loop_task *task) {
  struct told *told = (struct told *)(void *)task;
  worker_notice(told->worker, &told->notice);
  free(told);
}

void notice_spread(void *context, const struct mcp_notice *notice) {
  struct server *server = context;
  discovery_notice(server->discovery, notice);
  for (unsigned i = 0; i < server->n_workers; i++) {
    struct told *told = calloc(1, sizeof(*told) + notice->text.n);
    if (!told) return; /* whoever polls learns it later */
    told->task.run = on_told;
    told->worker = &server->workers[i];
    told->notice = *notice;
    if (notice->text.n > 0) memcpy(told->text, notice->text.p, notice->text.n);
    told->notice.text = str_make(told->text, notice->text.n);
    loop_post(&told->worker->loop, &told->task);
  }
}

void notice_log(void *context, struct uuid connection_id, const char *line) {
  char id[UUID_TEXT_SIZE];
  uuid_format(connection_id, id);
  log_event(LOG_INFO, "mcp_server", LOG_TEXT("connection_id", id), LOG_TEXT("line", line));
}

void worker_notice(struct worker *worker, const struct mcp_notice *notice) {
  switch (notice->kind) {
    case MCP_TOOLS_CHANGED:
    case MCP_PROMPTS_CHANGED:
    case MCP_RESOURCES_CHANGED:
    case MCP_HEALTH_CHANGED:
      return; /* clients are told when their own lists have changed: by worker_changed */
    case MCP_RESOURCE_UPDATED:
    case MCP_TASK_CHANGED:
    case MCP_MESSAGE:
      watches_notice(worker, notice);
      return;
  }
}

void worker_changed(struct worker *worker) {
  watches_look(worker);
}
