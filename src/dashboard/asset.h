/* The dashboard's files, as web/ was built into the binary (scripts/embed_dashboard.py); none where it was not. */
#ifndef CONNEK_DASHBOARD_ASSET_H
#define CONNEK_DASHBOARD_ASSET_H

#include "base/str.h"

struct asset {
  struct str path; /* of its address: "/assets/index-1a2b3c.js" */
  struct str content_type;
  struct str etag;   /* weak: of the content, plain or gzip */
  struct str body;   /* gzip; of a template the plain text */
  size_t size;       /* of the plain content */
  bool is_immutable; /* its name changes with its content */
  bool is_template;  /* has places for a nonce: index.html */
};

/* Sorted by path, byte by byte. */
extern const struct asset assets[];
extern const size_t assets_n;

/* NULL: there is none. */
const struct asset *asset_find(struct str path);

#endif
