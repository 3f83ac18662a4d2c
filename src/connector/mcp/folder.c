/* The folders of children: DIR/children/ID, one a connection. Each stays for as long as its connection does, since some
 * servers keep there what they remember; then all of it is removed. Must not know processes.
 *
 * A process writes there what it likes, links and depths included, and may still run: so what is removed is only ever
 * reached through descriptors of folders, never through a link, and never through more of them than DEPTH_MAX. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connector/mcp/home.h"

enum {
  DEPTH_MAX = 64,
  REMOVED_MAX = 20000, /* of one at a time: whoever asks has other things to do */
  FOLDERS_MAX = 100000
};

static bool folder_make(const char *path) {
  return mkdir(path, 0700) == 0 || errno == EEXIST;
}

enum err_code mcp_folder_find(const struct mcp_upstream *upstream, char *ret_path, size_t size, struct err *err) {
  const char *data_dir = upstream->home->upstreams->data_dir;
  char id[UUID_TEXT_SIZE];
  if (upstream->target->directory) {
    snprintf(ret_path, size, "%s", upstream->target->directory);
    return ERR_NONE;
  }
  uuid_format(upstream->target->connection_id, id);
  snprintf(ret_path, size, "%s/children", data_dir ? data_dir : "/tmp/connek");
  if (!data_dir && !folder_make("/tmp/connek")) return err_set(err, ERR_UNAVAILABLE, "no folder can be made for it");
  bool is_made = folder_make(ret_path);
  snprintf(ret_path, size, "%s/children/%s", data_dir ? data_dir : "/tmp/connek", id);
  if (!is_made || !folder_make(ret_path)) return err_set(err, ERR_UNAVAILABLE, "no folder can be made for it");
  return ERR_NONE;
}

/* ---- removal ---- */

struct removal {
  int top; /* the folder of the connection: what is too deep is moved up to it */
  unsigned n_removed, n_moved;
};

static int open_folder(int parent, const char *name) {
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat(parent, name, flags);
  if (fd >= 0 || errno != EACCES) return fd;
  /* It may have shut itself out. */
  return fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) == 0 ? openat(parent, name, flags) : -1;
}

static void empty(struct removal *removal, int fd, unsigned depth);

static void remove_one(struct removal *removal, int parent, const char *name, unsigned depth) {
  char moved[32];
  if (unlinkat(parent, name, 0) == 0) {
    removal->n_removed++;
    return;
  }
  if (depth == DEPTH_MAX) {
    snprintf(moved, sizeof(moved), ".connek-deep-%u", removal->n_moved++);
    if (renameat(parent, name, removal->top, moved) == 0) return;
  }
  int fd = depth < DEPTH_MAX ? open_folder(parent, name) : -1;
  if (fd < 0) return;
  if (fchmod(fd, 0700) == 0)
    empty(removal, fd, depth + 1);
  else
    close(fd);
  if (unlinkat(parent, name, AT_REMOVEDIR) == 0) removal->n_removed++;
}

/* Takes the descriptor. */
static void empty(struct removal *removal, int fd, unsigned depth) {
  DIR *folder = fdopendir(fd);
  struct dirent *entry;
  if (!folder) {
    close(fd);
    return;
  }
  while (removal->n_removed < REMOVED_MAX && (entry = readdir(folder))) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      remove_one(removal, fd, entry->d_name, depth);
  }
  closedir(folder);
}

/* False: something is left. */
static bool remove_folder(int parent, const char *name) {
  struct removal removal = {.top = open_folder(parent, name)};
  if (removal.top < 0) return false;
  bool is_gone = false;
  unsigned before;
  do { /* once more for what was too deep */
    before = removal.n_removed;
    int fd = open_folder(parent, name);
    if (fd < 0) break;
    empty(&removal, fd, 0);
    is_gone = unlinkat(parent, name, AT_REMOVEDIR) == 0;
  } while (!is_gone && removal.n_removed > before && removal.n_removed < REMOVED_MAX);
  close(removal.top);
  return is_gone;
}

/* All that there is, before anybody is asked whether it is kept: one that is made later is not among them. */
static size_t list_folders(DIR *folders, struct uuid *ids, size_t max) {
  struct dirent *entry;
  size_t n = 0;
  while (n < max && (entry = readdir(folders)))
    if (uuid_parse(str_of(entry->d_name), &ids[n])) n++; /* others are none of ours */
  return n;
}

enum err_code mcp_folders_clear(const char *data_dir, mcp_folder_is_kept is_kept, void *context, size_t *ret_n_removed,
                                struct err *err) {
  char path[4096], name[UUID_TEXT_SIZE];
  snprintf(path, sizeof(path), "%s/children", data_dir);
  DIR *folders = opendir(path);
  int parent = folders ? dirfd(folders) : -1;
  enum err_code code = ERR_NONE;
  *ret_n_removed = 0;
  if (parent < 0) return ERR_NONE; /* there never was a child */
  struct uuid *ids = calloc(FOLDERS_MAX, sizeof(*ids));
  size_t n = ids ? list_folders(folders, ids, FOLDERS_MAX) : 0;
  if (!ids) code = err_no_memory(err);
  for (size_t i = 0; code == ERR_NONE && i < n; i++) {
    bool keeps = true;
    code = is_kept(context, ids[i], &keeps, err);
    uuid_format(ids[i], name);
    if (code == ERR_NONE && !keeps) *ret_n_removed += remove_folder(parent, name);
  }
  free(ids);
  closedir(folders);
  return code;
}
