#include "net/address_guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "unit.h"

static const struct sockaddr *address_of(const char *text, uint16_t port) {
  static struct sockaddr_storage storage;
  memset(&storage, 0, sizeof(storage));
  struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
  struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
  } else {
    assert_int_equal(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
  }
  return (const struct sockaddr *)&storage;
}

struct row {
  const char *address;
  enum address_kind kind;
};

static const struct row rows[] = {
    /* public, and the edges beside what is not */
    {"1.1.1.1", ADDRESS_PUBLIC},
    {"8.8.8.8", ADDRESS_PUBLIC},
    {"1.0.0.0", ADDRESS_PUBLIC},
    {"9.255.255.255", ADDRESS_PUBLIC},
    {"11.0.0.0", ADDRESS_PUBLIC},
    {"100.63.255.255", ADDRESS_PUBLIC},
    {"100.128.0.0", ADDRESS_PUBLIC},
    {"126.255.255.255", ADDRESS_PUBLIC},
    {"128.0.0.0", ADDRESS_PUBLIC},
    {"169.253.255.255", ADDRESS_PUBLIC},
    {"169.255.0.0", ADDRESS_PUBLIC},
    {"172.15.255.255", ADDRESS_PUBLIC},
    {"172.32.0.0", ADDRESS_PUBLIC},
    {"192.0.1.0", ADDRESS_PUBLIC},
    {"192.0.3.0", ADDRESS_PUBLIC},
    {"192.167.255.255", ADDRESS_PUBLIC},
    {"192.169.0.0", ADDRESS_PUBLIC},
    {"198.17.255.255", ADDRESS_PUBLIC},
    {"198.20.0.0", ADDRESS_PUBLIC},
    {"223.255.255.255", ADDRESS_PUBLIC},
    {"2606:4700:4700::1111", ADDRESS_PUBLIC},
    {"2a00:1450:4001::200e", ADDRESS_PUBLIC},
    {"2001:200::1", ADDRESS_PUBLIC},
    {"2001:db9::1", ADDRESS_PUBLIC},
    {"2003::1", ADDRESS_PUBLIC},
    {"3ffe::1", ADDRESS_PUBLIC},
    /* loopback */
    {"127.0.0.1", ADDRESS_LOOPBACK},
    {"127.255.255.255", ADDRESS_LOOPBACK},
    {"::1", ADDRESS_LOOPBACK},
    /* "this network" */
    {"0.0.0.0", ADDRESS_RESERVED},
    {"0.255.255.255", ADDRESS_RESERVED},
    {"::", ADDRESS_RESERVED},
    /* private */
    {"10.0.0.0", ADDRESS_PRIVATE},
    {"10.255.255.255", ADDRESS_PRIVATE},
    {"172.16.0.0", ADDRESS_PRIVATE},
    {"172.31.255.255", ADDRESS_PRIVATE},
    {"192.168.0.1", ADDRESS_PRIVATE},
    {"192.168.255.255", ADDRESS_PRIVATE},
    {"100.64.0.0", ADDRESS_PRIVATE},
    {"100.127.255.255", ADDRESS_PRIVATE},
    {"fc00::1", ADDRESS_PRIVATE},
    {"fdff:ffff::1", ADDRESS_PRIVATE},
    {"fec0::1", ADDRESS_PRIVATE},
    /* link-local */
    {"169.254.0.1", ADDRESS_LINK_LOCAL},
    {"169.254.255.255", ADDRESS_LINK_LOCAL},
    {"fe80::1", ADDRESS_LINK_LOCAL},
    {"febf::1", ADDRESS_LINK_LOCAL},
    /* multicast, broadcast, reserved, documentation, benchmarking, others of IANA's registry */
    {"224.0.0.1", ADDRESS_RESERVED},
    {"239.255.255.255", ADDRESS_RESERVED},
    {"240.0.0.1", ADDRESS_RESERVED},
    {"255.255.255.255", ADDRESS_RESERVED},
    {"192.0.0.1", ADDRESS_RESERVED},
    {"192.0.2.1", ADDRESS_RESERVED},
    {"198.51.100.255", ADDRESS_RESERVED},
    {"203.0.113.1", ADDRESS_RESERVED},
    {"198.18.0.1", ADDRESS_RESERVED},
    {"198.19.255.255", ADDRESS_RESERVED},
    {"192.88.99.1", ADDRESS_RESERVED},
    {"192.31.196.1", ADDRESS_RESERVED},
    {"192.52.193.1", ADDRESS_RESERVED},
    {"192.175.48.1", ADDRESS_RESERVED},
    {"ff02::1", ADDRESS_RESERVED},
    {"ff0e::1", ADDRESS_RESERVED},
    {"2001:db8::1", ADDRESS_RESERVED},
    {"3fff::1", ADDRESS_RESERVED},
    {"3fff:fff::1", ADDRESS_RESERVED},
    {"2001:2::1", ADDRESS_RESERVED},
    {"2001:10::1", ADDRESS_RESERVED},
    {"2001:1ff::1", ADDRESS_RESERVED},
    {"100::1", ADDRESS_RESERVED},
    {"5f00::1", ADDRESS_RESERVED},
    {"4000::1", ADDRESS_RESERVED},
    {"1fff::1", ADDRESS_RESERVED},
    {"e000::1", ADDRESS_RESERVED},
    {"2620:4f:8000::1", ADDRESS_RESERVED},
    /* IPv4-mapped and NAT64: judged by what they carry */
    {"::ffff:8.8.8.8", ADDRESS_PUBLIC},
    {"::ffff:127.0.0.1", ADDRESS_LOOPBACK},
    {"::ffff:10.1.2.3", ADDRESS_PRIVATE},
    {"::ffff:0.0.0.0", ADDRESS_RESERVED},
    {"64:ff9b::8.8.8.8", ADDRESS_PUBLIC},
    {"64:ff9b::192.168.1.1", ADDRESS_PRIVATE},
    {"64:ff9b::127.0.0.1", ADDRESS_LOOPBACK},
    /* IPv4-compatible, 6to4, Teredo, a network's own NAT64, translated: refused whatever they carry */
    {"::8.8.8.8", ADDRESS_RESERVED},
    {"::127.0.0.1", ADDRESS_RESERVED},
    {"2002:808:808::1", ADDRESS_RESERVED},
    {"2002:7f00:1::1", ADDRESS_RESERVED},
    {"2001:0:808:808:0:0:f7f7:f7f7", ADDRESS_RESERVED},
    {"2001::1", ADDRESS_RESERVED},
    {"64:ff9b:1::8.8.8.8", ADDRESS_RESERVED},
    {"64:ff9b:1:a00:0:100::", ADDRESS_RESERVED},
    {"64:ff9b:2::8.8.8.8", ADDRESS_RESERVED},
    {"::ffff:0:8.8.8.8", ADDRESS_RESERVED},
    /* metadata */
    {"169.254.169.254", ADDRESS_METADATA},
    {"169.254.170.2", ADDRESS_METADATA},
    {"169.254.170.23", ADDRESS_METADATA},
    {"169.254.169.253", ADDRESS_METADATA},
    {"169.254.0.23", ADDRESS_METADATA},
    {"169.254.42.42", ADDRESS_METADATA},
    {"100.100.100.200", ADDRESS_METADATA},
    {"168.63.129.16", ADDRESS_METADATA},
    {"192.0.0.192", ADDRESS_METADATA},
    {"fd00:ec2::254", ADDRESS_METADATA},
    {"fd00:ec2::253", ADDRESS_METADATA},
    {"fd00:ec2::23", ADDRESS_METADATA},
    {"fd20:ce::254", ADDRESS_METADATA},
    {"fd00:c1::a9fe:a9fe", ADDRESS_METADATA},
    {"fd00:42::42", ADDRESS_METADATA},
    {"fe80::a9fe:a9fe", ADDRESS_METADATA},
    /* metadata in disguise */
    {"::ffff:169.254.169.254", ADDRESS_METADATA},
    {"::169.254.169.254", ADDRESS_METADATA},
    {"64:ff9b::169.254.169.254", ADDRESS_METADATA},
    {"64:ff9b:1::169.254.169.254", ADDRESS_METADATA},
    {"64:ff9b:1:a9fe:a9:fe00::", ADDRESS_METADATA},
    {"64:ff9b:1:a9:fe:a9fe::", ADDRESS_METADATA},
    {"64:ff9b:1:0:a9:fea9:fe00:0", ADDRESS_METADATA},
    {"2002:a9fe:a9fe::1", ADDRESS_METADATA},
    {"2001:0:a9fe:a9fe::1", ADDRESS_METADATA},
    {"2001:0:808:808:0:0:5601:5601", ADDRESS_METADATA},
};

static void every_block_is_classified(void **state) {
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    enum address_kind kind = address_classify(address_of(rows[i].address, 80));
    if (kind != rows[i].kind)
      fail_msg("%s is %s, not %s", rows[i].address, address_kind_text(kind), address_kind_text(rows[i].kind));
  }
}

static void only_public_addresses_pass_without_an_exception(void **state) {
  const struct address_guard guard = {NULL, 0};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const struct sockaddr *address = address_of(rows[i].address, 443);
    bool may = rows[i].kind == ADDRESS_PUBLIC;
    assert_int_equal(address_guard_allows(&guard, STR("api.example.com"), 443, address), may);
    assert_int_equal(address_guard_allows(NULL, STR("api.example.com"), 443, address), may);
  }
}

static void an_exception_opens_all_but_metadata(void **state) {
  const struct address_exception exception = {STR("internal.example"), 0};
  const struct address_guard guard = {&exception, 1};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    const struct sockaddr *address = address_of(rows[i].address, 443);
    assert_int_equal(address_guard_allows(&guard, STR("internal.example"), 443, address),
                     rows[i].kind != ADDRESS_METADATA);
  }
}

static void metadata_named_in_an_exception_stays_refused(void **state) {
  const struct address_exception exceptions[] = {{STR("169.254.169.254"), 0}, {STR("fd00:ec2::254"), 0}};
  const struct address_guard guard = {exceptions, 2};
  assert_false(address_guard_allows(&guard, STR("169.254.169.254"), 80, address_of("169.254.169.254", 80)));
  assert_false(address_guard_allows(&guard, STR("fd00:ec2::254"), 80, address_of("fd00:ec2::254", 80)));
}

static void an_exception_is_for_the_named_host_and_port_alone(void **state) {
  const struct address_exception exceptions[] = {{STR("127.0.0.1"), 4010}, {STR("db.internal"), 0}};
  const struct address_guard guard = {exceptions, 2};
  const struct sockaddr *loopback = address_of("127.0.0.1", 4010);
  assert_true(address_guard_allows(&guard, STR("127.0.0.1"), 4010, loopback));
  assert_false(address_guard_allows(&guard, STR("127.0.0.1"), 4011, loopback));
  assert_false(address_guard_allows(&guard, STR("127.0.0.1"), 0, loopback));
  assert_true(address_guard_allows(&guard, STR("db.internal"), 5432, loopback));
  assert_true(address_guard_allows(&guard, STR("DB.Internal"), 1, loopback));
  /* The same address under another name: a rebinding one. */
  assert_false(address_guard_allows(&guard, STR("rebind.example"), 4010, loopback));
  assert_false(address_guard_allows(&guard, STR("db.internal.example"), 4010, loopback));
  assert_false(address_guard_allows(&guard, STR("x.db.internal"), 4010, loopback));
  assert_false(address_guard_allows(&guard, STR(""), 4010, loopback));
}

static void an_organisations_exception_is_its_own(void **state) {
  const struct address_exception exceptions[] = {{STR("10.0.0.5"), 80, STR("acme")}, {STR("10.0.0.6"), 0, STR_NONE}};
  const struct address_guard guard = {exceptions, 2, true};
  const struct sockaddr *address = address_of("10.0.0.5", 80);
  assert_true(address_guard_allows_for(&guard, STR("acme"), STR("10.0.0.5"), 80, address));
  assert_false(address_guard_allows_for(&guard, STR("acme2"), STR("10.0.0.5"), 80, address));
  assert_false(address_guard_allows_for(&guard, STR("Acme"), STR("10.0.0.5"), 80, address));
  assert_false(address_guard_allows_for(&guard, STR_NONE, STR("10.0.0.5"), 80, address));
  assert_false(address_guard_allows(&guard, STR("10.0.0.5"), 80, address));
  address = address_of("10.0.0.6", 80);
  assert_true(address_guard_allows_for(&guard, STR("acme"), STR("10.0.0.6"), 80, address));
  assert_true(address_guard_allows(&guard, STR("10.0.0.6"), 80, address));
}

static void an_exception_is_read_as_it_is_written(void **state) {
  const struct {
    const char *text, *organisation, *host;
    uint16_t port;
  } cases[] = {{"10.0.0.5", "", "10.0.0.5", 0},
               {"acme=10.0.0.5:80", "acme", "10.0.0.5", 80},
               {"a=b c=[::1]:8080", "a=b c", "::1", 8080},
               {"acme=db.internal", "acme", "db.internal", 0}};
  struct address_exception exception = {.port = 7};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    assert_ok(address_exception_parse(str_of(cases[i].text), &exception, &test_err));
    assert_str(exception.organisation, cases[i].organisation);
    assert_str(exception.host, cases[i].host);
    assert_int_equal(exception.port, cases[i].port);
  }
  const char *const bad[] = {"", "=10.0.0.5", "acme=", "acme=10.0.0.5:0x", "10.0.0.5:99999", "acme=http://x/"};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    if (address_exception_parse(str_of(bad[i]), &exception, &test_err) == ERR_NONE) fail_msg("%s", bad[i]);
  assert_str(exception.host, "db.internal"); /* as it was */
}

static void a_literal_exception_matches_other_spellings_of_the_same_address(void **state) {
  const struct address_exception exceptions[] = {{STR("::1"), 80}, {STR("10.0.0.5"), 0}};
  const struct address_guard guard = {exceptions, 2};
  assert_true(address_guard_allows(&guard, STR("0:0:0:0:0:0:0:1"), 80, address_of("::1", 80)));
  assert_true(address_guard_allows(&guard, STR("0000:0000:0000:0000:0000:0000:0000:0001"), 80, address_of("::1", 80)));
  assert_false(address_guard_allows(&guard, STR("::2"), 80, address_of("::1", 80)));
  /* Spellings that only some readers take for an address are names: they match nothing. */
  assert_false(address_guard_allows(&guard, STR("10.5"), 80, address_of("10.0.0.5", 80)));
  assert_false(address_guard_allows(&guard, STR("167772165"), 80, address_of("10.0.0.5", 80)));
  assert_false(address_guard_allows(&guard, STR("012.0.0.5"), 80, address_of("10.0.0.5", 80)));
  assert_false(address_guard_allows(&guard, STR("10.0.0.5\0"), 80, address_of("10.0.0.5", 80)));
  assert_false(address_guard_allows(&guard, STR("::ffff:10.0.0.5"), 80, address_of("::ffff:10.0.0.5", 80)));
}

static void what_is_no_internet_address_is_refused(void **state) {
  struct sockaddr_storage local = {.ss_family = AF_UNIX};
  const struct address_guard guard = {NULL, 0};
  assert_false(address_guard_allows(&guard, STR("x"), 80, (const struct sockaddr *)&local));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_block_is_classified),
      cmocka_unit_test(only_public_addresses_pass_without_an_exception),
      cmocka_unit_test(an_exception_opens_all_but_metadata),
      cmocka_unit_test(metadata_named_in_an_exception_stays_refused),
      cmocka_unit_test(an_exception_is_for_the_named_host_and_port_alone),
      cmocka_unit_test(an_organisations_exception_is_its_own),
      cmocka_unit_test(an_exception_is_read_as_it_is_written),
      cmocka_unit_test(a_literal_exception_matches_other_spellings_of_the_same_address),
      cmocka_unit_test(what_is_no_internet_address_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
