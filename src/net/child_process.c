/* Making a child's process. Between fork and exec only what is safe there is called (signal-safety(7)): all memory is
 * made before. Must not know what is said to it.
 *
 * The process leads a session of its own, so that it has no terminal and its group can be ended as one; it is killed
 * when our thread ends; it cannot gain privileges; it has no descriptor of ours but its three streams. */
#include "net/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"

#define SYSTEM_PATH "/usr/local/bin:/usr/bin:/bin"

enum { WORDS_MAX = 128, PATH_SIZE = 4096 };

/* Memory is counted as RLIMIT_DATA: runtimes such as V8 reserve address space by the gigabyte that they never touch. */
static const struct {
  int resource;
  rlim_t soft, hard;
} limits[] = {
    {RLIMIT_CORE, 0, 0},
    {RLIMIT_NOFILE, LIMIT_CHILD_DESCRIPTORS, LIMIT_CHILD_DESCRIPTORS},
    {RLIMIT_DATA, (rlim_t)LIMIT_CHILD_MEMORY_MIB *MIB, (rlim_t)LIMIT_CHILD_MEMORY_MIB *MIB},
    {RLIMIT_CPU, LIMIT_CHILD_CPU_S, LIMIT_CHILD_CPU_S + 5},
};

/* ---- what is run ---- */

static const char *path_of(const char *const *environment) {
  for (; environment && *environment; environment++)
    if (strncmp(*environment, "PATH=", 5) == 0) return *environment + 5;
  return SYSTEM_PATH;
}

/* Of the operator's environment, where bubblewrap is looked for. */
static const char *own_path(void) {
  const char *path = getenv("PATH");
  return path ? path : SYSTEM_PATH;
}

static bool find_program(const char *name, const char *path, char ret_path[PATH_SIZE]) {
  if (strchr(name, '/')) {
    snprintf(ret_path, PATH_SIZE, "%s", name);
    return access(name, X_OK) == 0;
  }
  struct str rest = str_of(path);
  while (rest.n > 0) {
    struct str folder = str_cut(&rest, ':');
    int n = snprintf(ret_path, PATH_SIZE, "%.*s/%s", STR_ARG(folder), name);
    if (folder.n > 0 && n < PATH_SIZE && access(ret_path, X_OK) == 0) return true;
  }
  return false;
}

struct words {
  const char *list[WORDS_MAX + 1];
  size_t n;
};

static void word(struct words *words, const char *text) {
  if (words->n < WORDS_MAX) words->list[words->n++] = text;
}

static bool is_within(const char *path, const char *folder) {
  size_t n = strlen(folder);
  return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Those that its own directory lies in (Connek's data folder, by default), or the others. */
static void hide(struct words *words, const struct child_options *options, bool is_around) {
  for (const char *const *hidden = options->hidden; hidden && *hidden; hidden++) {
    if (is_within(options->directory, *hidden) != is_around) continue;
    word(words, "--tmpfs");
    word(words, *hidden);
  }
}

static void sandbox_words(struct words *words, const struct child_options *options) {
  static const char *const first[] = {"bwrap",
                                      "--ro-bind",
                                      "/",
                                      "/",
                                      "--dev",
                                      "/dev",
                                      "--proc",
                                      "/proc",
                                      "--tmpfs",
                                      "/tmp",
                                      "--unshare-all",
                                      "--share-net",
                                      "--die-with-parent"};
  for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
    word(words, first[i]);
  hide(words, options, true);
  word(words, "--bind");
  word(words, options->directory);
  word(words, options->directory);
  hide(words, options, false); /* what lies in a directory that was named stays hidden too */
  word(words, "--chdir");
  word(words, options->directory);
  word(words, "--");
}

/* ---- in the child ---- */

struct plan {
  const char *path;
  const char *const *words, *const *environment;
  const char *directory;
  int input, output, error; /* its ends */
  int report;               /* where the number of an error goes */
  pid_t parent;
};

static void __attribute__((noreturn)) give_up(const struct plan *plan) {
  int number = errno;
  ssize_t n = write(plan->report, &number, sizeof(number));
  _exit(n == (ssize_t)sizeof(number) ? 127 : 126);
}

static void reset_signals(void) {
  const struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; number++)
    (void)sigaction(number, &standard, NULL);
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void __attribute__((noreturn)) become(const struct plan *plan) {
  reset_signals();
  if (setsid() < 0) give_up(plan);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(plan);
  if (getppid() != plan->parent) _exit(126); /* it ended before the line above */
  for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
    const struct rlimit limit = {limits[i].soft, limits[i].hard};
    struct rlimit now;
    bool is_lower = getrlimit((__rlimit_resource_t)limits[i].resource, &now) == 0 && now.rlim_max < limit.rlim_max;
    if (!is_lower && setrlimit((__rlimit_resource_t)limits[i].resource, &limit) != 0) give_up(plan);
  }
  if (chdir(plan->directory) != 0) give_up(plan);
  /* The ends are above 2 (see pipe_new); the report goes to 3, which exec closes. */
  if (dup2(plan->input, 0) < 0 || dup2(plan->output, 1) < 0 || dup2(plan->error, 2) < 0) give_up(plan);
  if (plan->report != 3 && dup3(plan->report, 3, O_CLOEXEC) < 0) give_up(plan);
  struct plan moved = *plan;
  moved.report = 3;
  if (close_range(4, ~0U, 0) != 0) give_up(&moved);
  execve(plan->path, (char *const *)(uintptr_t)plan->words, (char *const *)(uintptr_t)plan->environment);
  give_up(&moved);
}

/* ---- in the parent ---- */

/* Both ends above 3, so that no dup2 overwrites one that is still needed. */
static bool pipe_new(int ret_ends[2]) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  for (int i = 0; i < 2; i++) {
    ret_ends[i] = fcntl(ends[i], F_DUPFD_CLOEXEC, 4);
    close(ends[i]);
  }
  if (ret_ends[0] >= 0 && ret_ends[1] >= 0) return true;
  for (int i = 0; i < 2; i++)
    if (ret_ends[i] >= 0) close(ret_ends[i]);
  ret_ends[0] = ret_ends[1] = -1;
  return false;
}

static void pipe_close(int ends[2]) {
  for (int i = 0; i < 2; i++)
    if (ends[i] >= 0) close(ends[i]);
}

static void end_at_once(pid_t pid) {
  kill(-pid, SIGKILL);
  kill(pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
  }
}

enum { INPUT, OUTPUT, ERROR, REPORT, PIPES };

static enum err_code start(const struct plan *plan, int pipes[PIPES][2], struct child_process *ret_process,
                           struct err *err) {
  pid_t pid = fork();
  if (pid == 0) become(plan);
  if (pid < 0) return err_set(err, ERR_UNAVAILABLE, "no process can be started: %s", strerror(errno));
  close(pipes[REPORT][1]);
  pipes[REPORT][1] = -1;
  int number = 0;
  ssize_t n;
  while ((n = read(pipes[REPORT][0], &number, sizeof(number))) < 0 && errno == EINTR) {
  }
  if (n != 0) {
    end_at_once(pid);
    return err_set(err, ERR_UNAVAILABLE, "%s cannot be started: %s", plan->words[0],
                   n == (ssize_t)sizeof(number) ? strerror(number) : "it ended at once");
  }
  int pidfd = pidfd_open(pid, 0);
  if (pidfd < 0) {
    end_at_once(pid);
    return err_set(err, ERR_UNAVAILABLE, "no process can be watched: %s", strerror(errno));
  }
  *ret_process = (struct child_process){
      .pid = pid, .pidfd = pidfd, .input = pipes[INPUT][1], .output = pipes[OUTPUT][0], .error = pipes[ERROR][0]};
  pipes[INPUT][1] = pipes[OUTPUT][0] = pipes[ERROR][0] = -1;
  return ERR_NONE;
}

enum err_code child_process_start(const struct child_options *options, struct child_process *ret_process,
                                  struct err *err) {
  char path[PATH_SIZE];
  struct words words = {.n = 0};
  const char *program = options->command[0];
  if (!program) return err_set(err, ERR_INVALID, "the command has no words");
  if (options->is_sandboxed) sandbox_words(&words, options);
  for (const char *const *text = options->command; *text; text++)
    word(&words, *text);
  if (words.n == WORDS_MAX) return err_set(err, ERR_INVALID, "the command has too many words");
  /* Its file system is the same within a sandbox. */
  if (!find_program(program, path_of(options->environment), path))
    return err_set(err, ERR_UNAVAILABLE, "there is no program %s", program);
  if (options->is_sandboxed && !find_program("bwrap", own_path(), path))
    return err_set(err, ERR_UNAVAILABLE, "there is no program bwrap");
  int pipes[PIPES][2] = {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
  enum err_code code = ERR_NONE;
  for (int i = 0; i < PIPES && code == ERR_NONE; i++)
    if (!pipe_new(pipes[i])) code = err_set(err, ERR_UNAVAILABLE, "no descriptors are left");
  const struct plan plan = {.path = path,
                            .words = words.list,
                            .environment = options->environment,
                            .directory = options->directory,
                            .input = pipes[INPUT][0],
                            .output = pipes[OUTPUT][1],
                            .error = pipes[ERROR][1],
                            .report = pipes[REPORT][1],
                            .parent = getpid()};
  if (code == ERR_NONE) code = start(&plan, pipes, ret_process, err);
  for (int i = 0; i < PIPES; i++)
    pipe_close(pipes[i]);
  return code;
}

/* ---- bubblewrap ---- */

static pthread_once_t sandbox_once = PTHREAD_ONCE_INIT;
static const char *sandbox_problem; /* written once */

static void sandbox_try(void) {
  static const char *const command[] = {"true", NULL}, *const environment[] = {"PATH=/usr/bin:/bin", NULL};
  const struct child_options options = {
      .command = command, .environment = environment, .directory = "/var/tmp", .is_sandboxed = true};
  struct child_process process;
  char path[PATH_SIZE];
  if (!find_program("bwrap", own_path(), path)) {
    sandbox_problem = "bubblewrap (bwrap) is not installed";
    return;
  }
  sandbox_problem = "bubblewrap may not be used here";
  if (child_process_start(&options, &process, NULL) != ERR_NONE) return;
  int status = -1;
  close(process.input);
  while (waitpid(process.pid, &status, 0) < 0 && errno == EINTR) {
  }
  close(process.output);
  close(process.error);
  close(process.pidfd);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) sandbox_problem = NULL;
}

const char *child_sandbox_problem(void) {
  pthread_once(&sandbox_once, sandbox_try);
  return sandbox_problem;
}
