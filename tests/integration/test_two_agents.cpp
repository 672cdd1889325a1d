// Two agents on one machine that were given one port for their status page.
#include "tests/integration/status_page.hpp"

#include <fstream>

using namespace relay::test;

namespace {

using Catch::Matchers::Contains;

ended ask(relay_world& w, std::vector<std::string> words)
{
    words.insert(words.end(), {"--config", w.config_file().string()});
    return run_to_end(relay_program(), std::move(words));
}

} // namespace

TEST_CASE("`status` and the support bundle never tell of another agent that has the port",
          "[integration][status]")
{
    scenario first(with_page());
    const page p(first);
    const configuration same_port{{"status.listen", "'127.0.0.1:" + std::to_string(p.port) + "'"}};
    first.configure(same_port);
    CHECK(ask(first, {"status"}).code == 0);

    scenario second({.config = same_port,
                     .exchange_arguments = {},
                     .cloud_arguments = {},
                     .environment = {},
                     .start_agent = false});
    const auto check_own = [&] {
        const auto e = ask(second, {"status"});
        INFO(e.out << e.err);
        CHECK(e.code == 4);
        CHECK(e.out.empty());
        CHECK_THAT(e.err,
                   Contains("is another agent, not the one that works on " + second.data_folder().string()));
        CHECK(ask(second, {"status", "--json"}).code == 4);
    };
    check_own(); // not running
    second.start_agent();
    second.wait_connected();
    check_own(); // running, and without the port

    const auto archive = second.folder() / "bundle.tar.gz";
    REQUIRE(ask(second, {"support-bundle", "-o", archive.string()}).code == 0);
    const auto texts = run_to_end("/bin/tar", {"xzOf", archive.string()});
    REQUIRE(texts.code == 0);
    CHECK_THAT(texts.out, Contains("is another agent, not the one that works on"));
    CHECK_THAT(texts.out, !Contains(first.cloud_url()));

    // The same folder by another name is the same agent.
    fs::create_symlink(first.data_folder(), first.folder() / "by-another-name");
    auto by_link = same_port;
    by_link["agent.data_dir"] = "'" + (first.folder() / "by-another-name").string() + "'";
    first.configure(by_link);
    CHECK(ask(first, {"status"}).code == 0);
}
