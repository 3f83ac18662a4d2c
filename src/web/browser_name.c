/* Browsers and systems by the words that they put into User-Agent. Each pretends to be others as well (RFC
 * 9110, 10.1.5, and thirty years of habit): the more particular word stands first. */
#include "web/browser_name.h"

struct known {
  struct str word, name;
};

static const struct known browsers[] = {
    {STR("Edg/"), STR("Edge")},        {STR("EdgA/"), STR("Edge")},
    {STR("EdgiOS/"), STR("Edge")},     {STR("OPR/"), STR("Opera")},
    {STR("Vivaldi/"), STR("Vivaldi")}, {STR("SamsungBrowser/"), STR("Samsung Internet")},
    {STR("FxiOS/"), STR("Firefox")},   {STR("Firefox/"), STR("Firefox")},
    {STR("CriOS/"), STR("Chrome")},    {STR("HeadlessChrome/"), STR("Chrome")},
    {STR("Chrome/"), STR("Chrome")},   {STR("Safari/"), STR("Safari")},
};

static const struct known systems[] = {
    {STR("iPhone"), STR("iPhone")},   {STR("iPad"), STR("iPad")},       {STR("Android"), STR("Android")},
    {STR("Windows"), STR("Windows")}, {STR("Macintosh"), STR("a Mac")}, {STR("CrOS"), STR("ChromeOS")},
    {STR("Linux"), STR("Linux")},
};

static struct str find(const struct known *list, size_t n, struct str agent) {
  for (size_t i = 0; i < n && agent.n > 0; i++)
    if (memmem(agent.p, agent.n, list[i].word.p, list[i].word.n)) return list[i].name;
  return STR_NONE;
}

struct str browser_name(struct arena *arena, struct str agent) {
  struct str browser = find(browsers, sizeof(browsers) / sizeof(browsers[0]), agent);
  struct str system = find(systems, sizeof(systems) / sizeof(systems[0]), agent);
  if (!str_starts(agent, STR("Mozilla/")) || !browser.n) return STR("A program");
  struct str both = system.n ? arena_printf(arena, "%.*s on %.*s", STR_ARG(browser), STR_ARG(system)) : browser;
  return both.p ? both : browser;
}
