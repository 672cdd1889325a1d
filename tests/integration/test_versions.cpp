// Which Exchange is served, told by the numbers that it shows; and that it is asked for what every served one knows.
#include "tests/integration/scenario.hpp"

using namespace relay::test;

namespace {

using Catch::Matchers::Contains;

struct product {
    const char* name;
    const char* says; // the product where it is served, else a piece of the sentence
    bool served = true;
};

// FACTS' table; 2013 before its SP1 does not know what we ask for.
const std::vector<product> products{
    {"2007", "the server is Exchange 2007", false},
    {"2010-rtm", "the server is Exchange 2010", false},
    {"2010-sp1", "the server is Exchange 2010", false},
    {"2010-sp2", "the server is Exchange 2010", false},
    {"2010", "the server is Exchange 2010", false},
    {"2013-rtm", "older than Exchange 2013 SP1", false},
    {"2013-sp1", "Exchange 2013"},
    {"2013", "Exchange 2013"},
    {"2016-rtm", "Exchange 2016"},
    {"2016", "Exchange 2016"},
    {"2019-rtm", "Exchange 2019"},
    {"2019", "Exchange 2019"},
    {"2019-cu13", "Exchange 2019"},
    {"2019-cu14", "Exchange 2019"},
    {"2019-cu15", "Exchange 2019"},
    {"se", "Exchange SE"},
    {"online", "Microsoft 365 integration", false},
};

void become(scenario& w, json::object what)
{
    w.exchange().put("/product", what);
}

} // namespace

TEST_CASE("each product is served or refused by its numbers, with a sentence", "[integration]")
{
    scenario w;
    for (const auto& p : products) {
        become(w, {{"name", p.name}});
        const auto r = w.call("connection.test", "", {});
        INFO(p.name << ": " << json::serialize(r));
        if (p.served) {
            REQUIRE(outcome(r) == "ok");
            CHECK(text_at(r, "/output/server/product") == p.says);
            continue;
        }
        CHECK(outcome(r) == "exchange_unsupported");
        CHECK_THAT(text_at(r, "/error/message"), Contains(p.says));
        // Nothing is written there.
        CHECK(outcome(w.call("event.create", host, booking(std::string("b-") + p.name))) ==
              "exchange_unsupported");
    }
    CHECK(w.ledger() == tally{});
    become(w, {{"name", "2016"}});
    CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    CHECK(outcome(w.call("event.cancel", host, {{"event_id", "b-1"}})) == "ok");

    const auto asked = at(w.exchange().get("/stats"), "/request_versions").as_object();
    CHECK(asked.size() == 1);
    CHECK(asked.contains("Exchange2013_SP1"));
}

TEST_CASE("a server that shows its version oddly, or not at all, is served", "[integration]")
{
    scenario w({.config = {},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {},
                .start_agent = false});
    become(w, {{"version_info", "absent"}, {"owa_version", false}});
    w.start_agent();
    w.wait_connected();
    const auto version = [&] {
        const auto r = w.call("connection.test", "", {});
        INFO(json::serialize(r));
        REQUIRE(outcome(r) == "ok");
        return text_at(r, "/output/server/version");
    };
    CHECK(version() == "unknown");
    CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "ok");
    become(w, {{"version_info", "absent"}});
    CHECK(version() == "15.2.1118.7");
    become(w, {{"name", "2019"}, {"version_info", "odd"}, {"owa_version", false}});
    CHECK(version() == "15.2.0.0");
    become(w, {{"name", "2016"}, {"version_info", "absent"}, {"owa_version", true}});
    CHECK(version() == "15.1.2507.39");
}

TEST_CASE("a server that refuses the account still tells by its version that it is none we serve",
          "[integration]")
{
    for (const auto* auth : {"basic", "ntlm"}) {
        scenario w({.config = {{"exchange.auth", std::string("'") + auth + "'"}},
                    .exchange_arguments = {"--product", "2010"},
                    .cloud_arguments = {},
                    .environment = {},
                    .start_agent = false});
        w.exchange().put("/account", {{"password", "another"}});
        w.start_agent();
        w.wait_connected();
        const auto r = w.call("connection.test", "", {});
        INFO(auth << ": " << described(r));
        CHECK(outcome(r) == "exchange_unsupported");
        CHECK_THAT(text_at(r, "/error/message"), Contains("Exchange 2010"));
        CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "exchange_unsupported");
    }
}

TEST_CASE("Exchange Online is known by its name and never asked", "[integration]")
{
    scenario w({.config = {{"exchange.url", "'https://outlook.office365.com/EWS/Exchange.asmx'"}},
                .exchange_arguments = {},
                .cloud_arguments = {},
                .environment = {}});
    const auto r = w.call("connection.test", "", {});
    CHECK(outcome(r) == "exchange_unsupported");
    CHECK_THAT(text_at(r, "/error/message"),
               Contains("Exchange Online") && Contains("Microsoft 365 integration"));
    CHECK(outcome(w.call("event.create", host, booking("b-1"))) == "exchange_unsupported");
}
