/* Every cap in one place. Sizes in bytes, times in milliseconds unless the name says otherwise. */
#ifndef CONNEK_BASE_LIMITS_H
#define CONNEK_BASE_LIMITS_H

enum {
  KIB = 1024,
  MIB = 1024 * 1024,

  /* HTTP server */
  LIMIT_HTTP_TARGET = 8 * KIB,         /* request target; beyond: 414 */
  LIMIT_HTTP_HEADER_COUNT = 100,       /* fields; beyond: 431 */
  LIMIT_HTTP_HEADER_BYTES = 32 * KIB,  /* all names and values; beyond: 431 */
  LIMIT_HTTP_BODY = 4 * MIB,           /* beyond: 413 */
  LIMIT_HTTP_PIPELINED = 64 * KIB,     /* bytes read ahead while a reply is pending; beyond: reading stops */
  LIMIT_HTTP_HEADER_MS = 10 * 1000,    /* first byte to last header byte, absolute; beyond: 408 */
  LIMIT_HTTP_BODY_MS = 30 * 1000,      /* end of headers to end of body, absolute; beyond: 408 */
  LIMIT_HTTP_IDLE_MS = 75 * 1000,      /* between requests */
  LIMIT_HTTP_WRITE_MS = 30 * 1000,     /* a reply that its reader does not take */
  LIMIT_HTTP_LINGER_MS = 2 * 1000,     /* after an error's reply, how long what still comes is read and dropped */
  LIMIT_HTTP_DRAIN_MS = 30 * 1000,     /* graceful stop: how long open calls may still run */
  LIMIT_HTTP_CONNECTIONS = 65536,      /* a worker */
  LIMIT_HTTP_READ = 64 * KIB,          /* one read(2): the worker's shared buffer */
  LIMIT_HTTP_REQUEST_ARENA = 32 * MIB, /* all memory of one request */

  /* JSON and JSON-RPC */
  LIMIT_JSON_DEPTH = 64,
  LIMIT_JSON_FILE = 16 * MIB, /* a config file or manifest */
  LIMIT_JSONRPC_BATCH = 50,   /* messages */
  LIMIT_JSONRPC_ID = 256,     /* characters of a string id */
  LIMIT_JSONRPC_METHOD = 128,
  LIMIT_TOOL_NAME = 48,                      /* ours; the specification allows 128, real clients 64 or 60 */
  LIMIT_TOOLS_PAGE = 250,                    /* tools in one tools/list page */
  LIMIT_CALL_MS = 60 * 1000,                 /* a call, unless its connector says otherwise */
  LIMIT_CALLS_IN_FLIGHT = 4096,              /* a worker */
  LIMIT_CALLS_BYTES = 512 * MIB,             /* a worker: memory of requests whose calls are under way */
  LIMIT_RESULT = 1 * MIB,                    /* a tool's result */
  LIMIT_CREDENTIAL_KEPT_MS = 60 * 60 * 1000, /* the longest that an opened credential may be kept for the next call */

  /* what is asked of a client while its call runs, and what it hears of it */
  LIMIT_INPUT_MS = 10 * 60 * 1000,        /* until it has answered */
  LIMIT_INPUT_ROUNDS = 32,                /* of one legacy call */
  LIMIT_INPUT_REQUESTS = 32,              /* at once */
  LIMIT_NOTIFICATIONS = 10000,            /* told to one call's client, all its rounds together; beyond: left out */
  LIMIT_STREAM_STILL_MS = 15 * 1000,      /* then an event stream gets a comment */
  LIMIT_STREAM_RETRY_MS = 1000,           /* what a client whose stream broke is told to wait */
  LIMIT_EVENT_LOGS = 32768,               /* a worker: streams whose events are kept */
  LIMIT_EVENTS_KEPT = 256,                /* of one stream */
  LIMIT_EVENTS_BYTES = 4 * MIB,           /* of one stream */
  LIMIT_EVENTS_WORKER_BYTES = 64 * MIB,   /* a worker */
  LIMIT_EVENTS_MS = 2 * 60 * 1000,        /* after a stream's end, or since nobody reads it */
  LIMIT_SESSION_IDLE_MS = 10 * 60 * 1000, /* what a session keeps when nobody listens */
  LIMIT_STREAMS = 32768,                  /* a worker: open by GET */
  LIMIT_INSTRUCTIONS = 8 * KIB,           /* of MCP servers, as a client reads them: all together */
  LIMIT_INSTRUCTIONS_EACH = 2 * KIB,
  LIMIT_WATCHES = 32768,        /* a worker: sessions and streams that want to hear of changes */
  LIMIT_WATCHED_NAME = 8 * KIB, /* a URI that is subscribed to */
  LIMIT_WATCHED = 256,          /* resources and tasks of one session or stream */
  LIMIT_SESSION_NOTES = 16384,  /* a worker */

  /* several servers on one database */
  LIMIT_NODES = 64,
  LIMIT_NODE_ADDRESS = 64,
  LIMIT_NODE_LEASE_MS = 2000,   /* from before it was renewed: a server serves no longer than that */
  LIMIT_NODE_BEAT_MS = 400,     /* how often it is renewed */
  LIMIT_NODE_GONE_MS = 2400,    /* since its last beat was seen: the others go on without it; more than the lease */
  LIMIT_NODE_BEHIND_MS = 10000, /* changes that it does not take in; beyond: it renews no more */
  LIMIT_SHARE_WAIT_MS = 2000,   /* what a call waits for its rate's bucket; beyond: it is refused */

  /* upstreams */
  LIMIT_UPSTREAM_CONNECT_MS = 5 * 1000,
  LIMIT_UPSTREAM_TOTAL_MS = 30 * 1000,
  LIMIT_UPSTREAM_BODY = 8 * MIB,
  LIMIT_UPSTREAM_UNPACKED = 1 * MIB, /* of a body that came compressed, and beyond it: */
  LIMIT_UPSTREAM_RATIO = 200,        /* times what came */
  LIMIT_UPSTREAM_HEADER_BYTES = 64 * KIB,
  LIMIT_UPSTREAM_HOST_CONNECTIONS = 256,

  /* MCP servers */
  LIMIT_CATALOGUE_ITEMS = 2000,           /* tools (or prompts, resources, templates) of one server; beyond: left out */
  LIMIT_CATALOGUE_ROWS = 16 * 1000,       /* rows kept of one connection, with what its server no longer offers */
  LIMIT_CATALOGUE_DEFINITION = 128 * KIB, /* of one item; beyond: refused */
  LIMIT_CATALOGUE_URI = 2 * KIB,
  LIMIT_CATALOGUE_NAME = 128,                /* bytes of a tool's or prompt's name: the specification's */
  LIMIT_DISCOVERIES = 8,                     /* servers being asked for what they have, at once */
  LIMIT_DISCOVERY_MS = 10 * 60 * 1000,       /* between two times, where nothing calls for another */
  LIMIT_DISCOVERY_CHILD_MS = 60 * 60 * 1000, /* the same for a process, which is started for it */
  LIMIT_DISCOVERY_RETRY_MS = 5 * 1000,       /* after a failure; doubles up to LIMIT_DISCOVERY_MS */
  LIMIT_DISCOVERY_NOTICE_MS = 2 * 1000,      /* between two times that its server called for */

  /* MCP servers behind us */
  LIMIT_MCP_MESSAGE = 4 * MIB,        /* one message of theirs, however it comes */
  LIMIT_MCP_PARSE = 64 * MIB,         /* memory for reading one */
  LIMIT_MCP_STREAM = 64 * MIB,        /* all that comes as the answer to one request */
  LIMIT_MCP_REQUEST = 8 * MIB,        /* one request's texts */
  LIMIT_MCP_ABOUT = 1 * MIB,          /* what a server says of itself: each of its parts */
  LIMIT_MCP_CONCURRENT = 64,          /* requests under way at one server, unless its connection says otherwise */
  LIMIT_MCP_QUEUE = 256,              /* requests that wait for one server */
  LIMIT_MCP_LINKS = 256,              /* answers and notifications on their way to one server */
  LIMIT_MCP_HANDSHAKE_MS = 15 * 1000, /* each step of finding out how a server speaks */
  LIMIT_MCP_LIST_MS = 30 * 1000,      /* a page of a list, unless its connector says otherwise */
  LIMIT_MCP_REQUEST_MS = 60 * 1000,   /* a request without progress, unless its call says otherwise */
  LIMIT_MCP_CALL_MS = 30 * 60 * 1000, /* a request, whatever its progress */
  LIMIT_MCP_LINGER_MS = 2 * 1000,     /* what may follow an answer on its stream */
  LIMIT_MCP_RESUME_MS = 1000,         /* before going on with a stream that broke off, unless it says otherwise */
  LIMIT_MCP_RESUMPTIONS = 10,         /* in a row without anything having come */
  LIMIT_MCP_NOTES = 10000,            /* notifications of one request; with more it is ended */
  LIMIT_MCP_NOTICE = 64 * KIB,        /* one notification */
  LIMIT_MCP_PARKED = 64,              /* calls of one server that wait for a person's answer */
  LIMIT_MCP_PARKED_MS = 10 * 60 * 1000,
  LIMIT_MCP_QUESTIONS = 16,                   /* of one call, not answered yet */
  LIMIT_MCP_QUESTION = 1 * MIB,               /* all of them */
  LIMIT_MCP_CHILD_IDLE_MS = 5 * 60 * 1000,    /* before a child that nobody uses is stopped */
  LIMIT_MCP_SESSION_IDLE_MS = 60 * 60 * 1000, /* and a session over HTTP ended, unless its connector says otherwise */
  LIMIT_MCP_VISIT_MS = 60 * 1000,             /* either, where nobody has used it since it was looked at */
  LIMIT_MCP_BACK_OFF_MS = 60 * 1000,          /* before a child that keeps ending is started again */
  LIMIT_MCP_UNREAD = 16 * MIB,                /* what waits for a child to read it */
  LIMIT_MCP_SUBSCRIPTIONS = 10000,            /* URIs and tasks, of all servers of a home together */
  LIMIT_MCP_LIST_ITEMS = 10000,               /* tools, and so on, of one server */
  LIMIT_MCP_LIST_BYTES = 16 * MIB,            /* definitions of one kind, of one server */
  LIMIT_MCP_LIST_PAGES = 1000,
  LIMIT_MCP_CURSOR = 4 * KIB,
  LIMIT_MCP_URL = 4 * KIB, /* where a server of HTTP+SSE wants messages */

  /* child processes */
  LIMIT_CHILD_DESCRIPTORS = 1024,
  LIMIT_CHILD_MEMORY_MIB = 2048,  /* what it may write to */
  LIMIT_CHILD_CPU_S = 3600,       /* in all its life */
  LIMIT_CHILD_STOP_MS = 3 * 1000, /* between asking it to end and killing its group */

  /* sqlite and postgres connectors */
  LIMIT_SQL_TEXT = 64 * KIB,
  LIMIT_SQL_ROWS = 1000,
  LIMIT_SQL_BYTES = 1 * MIB,
  LIMIT_SQL_MS = 10 * 1000,
  LIMIT_SQL_PARAMS = 100,
  LIMIT_POSTGRES_ROW = 16 * MIB,      /* of a server's answer without a whole row; beyond: the session is closed */
  LIMIT_POSTGRES_QUEUE = 256,         /* calls that wait for one connection's sessions */
  LIMIT_POSTGRES_SESSIONS = 512,      /* of all connections together */
  LIMIT_POSTGRES_IDLE_MS = 60 * 1000, /* before a session that nobody uses is closed */
  LIMIT_POSTGRES_SESSION_MS = 30 * 60 * 1000, /* a session's life: its password is kept as long */
  LIMIT_POSTGRES_STOP_MS = 3 * 1000,          /* what an answered call's session has left, and all of them at the end */

  /* limits and tokens */
  LIMIT_TOKEN_PER_MINUTE = 60,           /* an access token, unless it or its organisation says otherwise */
  LIMIT_PEER_FAILURES_PER_MINUTE = 6000, /* failed authentications of one address */

  /* audit */
  LIMIT_AUDIT_ARGUMENTS = 4 * KIB, /* larger arguments are kept as a digest alone */
  LIMIT_AUDIT_BATCH = 512,         /* records in one commit */
  LIMIT_AUDIT_QUEUE = 65536,       /* records waiting; beyond: calls are refused */
  LIMIT_AUDIT_AHEAD = 16384,       /* records waiting beyond which relaxed calls wait for theirs as well */

  /* executor */
  LIMIT_EXECUTOR_QUEUE = 16384,

  /* model */
  LIMIT_NAME = 64, /* characters of an organisation's, role's or connection's name */
  LIMIT_EMAIL = 254,
  LIMIT_LABELS = 32,   /* a connection */
  LIMIT_PERSONAL = 32, /* connections that one user makes for themselves */
  LIMIT_RULES = 1000,  /* a role */
};

#endif
