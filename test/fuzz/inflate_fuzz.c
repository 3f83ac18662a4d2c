/* Compressed bytes: whatever they are, no more comes out than may, what comes out is the same however much more might,
 * and what already stood in the buffer stays. */
#include "codec/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void expect(bool is_so) {
  if (!is_so) __builtin_trap();
}

static enum err_code run(bool is_gzip, struct str in, struct buf *out) {
  struct err err;
  return is_gzip ? inflate_gzip(in, out, &err) : inflate_zlib(in, out, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  enum { MAX = 64 * 1024 };
  struct str in = str_make((const char *)bytes, n), before = STR("before");
  for (int is_gzip = 0; is_gzip <= 1; is_gzip++) {
    struct buf out, exact;
    buf_init(&out, NULL, MAX);
    buf_append_str(&out, before);
    enum err_code code = run(is_gzip, in, &out);
    expect(out.n <= MAX && out.n >= before.n && memcmp(out.p, before.p, before.n) == 0);
    if (code == ERR_NONE && out.n > before.n) {
      size_t made = out.n - before.n;
      buf_init(&exact, NULL, made);
      expect(run(is_gzip, in, &exact) == ERR_NONE && exact.n == made && memcmp(exact.p, out.p + before.n, made) == 0);
      exact.n = 0;
      exact.max = made - 1;
      expect(run(is_gzip, in, &exact) == ERR_TOO_LARGE);
      buf_release(&exact);
    }
    buf_release(&out);
  }
  return 0;
}
