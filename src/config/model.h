/* A configuration file as apply sees it: every value checked, every reference to the environment or a file resolved.
 * All of it lies in the arena of config_read; credentials alone are secrets and are wiped by config_release. */
#ifndef CONNEK_CONFIG_MODEL_H
#define CONNEK_CONFIG_MODEL_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/secret.h"
#include "base/str.h"
#include "connector/connector.h"

struct config_rule {
  struct str effect, target_kind, target;
  struct str does, tools, resources, prompts; /* JSON arrays as stored, or STR_NONE */
  struct str place;                           /* of each record: "acme.json: /roles/0/rules/1" */
};

struct config_role {
  struct str name, place;
  int64_t max_result; /* bytes; 0: none is named */
  struct config_rule *rules;
  size_t n_rules;
};

struct config_user {
  struct str email, kind, place;
  struct str *roles; /* names, each once */
  size_t n_roles;
};

struct config_connector {
  struct str id, place;
  struct str definition;      /* JSON */
  struct secret *environment; /* what the references in its "environment" stand for: a JSON object, or NULL */
  struct str status;
  uint8_t hash[32]; /* of its canonical form */
  const struct connector *compiled;
};

struct config_personal {
  struct str connector_id, place;
};

enum config_credential {
  CONFIG_CREDENTIAL_KEPT,    /* the file says nothing of it */
  CONFIG_CREDENTIAL_REMOVED, /* null */
  CONFIG_CREDENTIAL_SET,
};

struct config_connection {
  struct str name, connector_id, place;
  struct str labels;       /* canonical JSON object */
  struct str owner_email;  /* or STR_NONE */
  struct str names, trust; /* words; .p NULL: the file says nothing, which is the usual one */
  yyjson_val *settings;    /* an object, references resolved */
  bool is_settings_kept;   /* they are config->kept_settings */
  struct str bound;        /* settings as stored, once they were checked against the connector; .p NULL: not yet */
  enum config_credential credential_state;
  struct secret *credential; /* a JSON object, members by name, or NULL */
};

struct config {
  struct str file, base_dir; /* base_dir empty: no file and no variable may be named */
  struct str data_dir;       /* or empty */
  struct str kept_settings;  /* of a connection that names none; .p NULL: it has none then */
  bool is_owners;            /* its connections are what their owner makes or changes themselves */
  struct str organisation, place;
  int64_t per_minute;     /* 0: the file says nothing of it */
  int64_t retention_days; /* 0: for ever; -1: the file says nothing of it */
  struct config_connector *connectors;
  size_t n_connectors;
  struct config_personal *personal;
  size_t n_personal;
  bool has_personal; /* the file says which; false: they stay as they are */
  struct config_connection *connections;
  size_t n_connections;
  struct config_role *roles;
  size_t n_roles;
  struct config_user *users;
  size_t n_users;
};

#endif
