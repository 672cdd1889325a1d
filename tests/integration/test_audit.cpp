// The audit of the real agent: what becomes of every command is in it, once, and nobody changes it unseen.
#include "tests/integration/scenario.hpp"

#include <boost/json/parse.hpp>
#include <sqlite3.h>

#include <sstream>

using namespace relay::test;

namespace {

const configuration with_policy{{"policy.deny_mailboxes", "['user9@corp.example']"}};

world_options with(configuration config, bool start_agent = true)
{
    return {.config = std::move(config),
            .exchange_arguments = {},
            .cloud_arguments = {},
            .environment = {},
            .start_agent = start_agent};
}

ended audit(relay_world& w, std::vector<std::string> more = {})
{
    more.insert(more.begin(), {"audit", "--config", w.config_file().string()});
    return run_to_end(relay_program(), std::move(more));
}

std::vector<json::object> entries(relay_world& w, std::vector<std::string> more = {})
{
    const auto listed = audit(w, std::move(more));
    INFO(listed.err);
    REQUIRE(listed.code == 0);
    std::vector<json::object> all;
    std::istringstream lines(listed.out);
    for (std::string line; std::getline(lines, line);)
        all.push_back(json::parse(line).as_object());
    return all;
}

// The outcomes that the audit has for a command, in order: "ok", "ok id_reused".
std::string outcomes(const std::vector<json::object>& all, std::string_view id)
{
    std::string found;
    for (const auto& e : all)
        if (e.at("id").as_string() == id)
            found += (found.empty() ? "" : " ") + std::string(e.at("outcome").as_string());
    return found;
}

const json::object& entry(const std::vector<json::object>& all, std::string_view id)
{
    for (const auto& e : all)
        if (e.at("id").as_string() == id)
            return e;
    throw std::runtime_error("no entry of " + std::string(id));
}

class file {
public:
    explicit file(const relay_world& w)
    {
        REQUIRE(sqlite3_open((w.data_folder() / "queue.db").c_str(), &db_) == SQLITE_OK);
        sqlite3_busy_timeout(db_, 5'000);
    }
    ~file() { sqlite3_close(db_); }
    file(const file&) = delete;
    file& operator=(const file&) = delete;

    void run(const char* sql) { CHECK(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK); }
    // Every value of every row, as text.
    std::string everything(const char* sql)
    {
        std::string all;
        const auto take = [](void* out, int columns, char** values, char**) {
            for (int i = 0; i < columns; ++i)
                *static_cast<std::string*>(out) += std::string(values[i] ? values[i] : "") + "|";
            return 0;
        };
        CHECK(sqlite3_exec(db_, sql, take, &all, nullptr) == SQLITE_OK);
        return all;
    }

private:
    sqlite3* db_ = nullptr;
};

json::object free_busy(int many)
{
    json::array mailboxes;
    for (int i = 0; i < many; ++i)
        mailboxes.emplace_back("user" + std::to_string(i % 8 + 1) + "@corp.example");
    return {{"mailboxes", std::move(mailboxes)},
            {"start", "2026-12-01T00:00:00Z"},
            {"end", "2026-12-02T00:00:00Z"}};
}

} // namespace

TEST_CASE("every command is in the audit once, with what became of it and nothing of what it said",
          "[integration][audit]")
{
    scenario w(with(with_policy));
    auto secret = booking("b-1");
    secret["subject"] = "planted-subject";
    secret["body"] = json::object{{"format", "text"}, {"content", "planted-body"}};
    secret["location"] = "planted-location";
    secret["attendees"] =
        json::array{json::object{{"email", "planted-attendee@corp.example"}, {"role", "required"}}};
    const auto call = [&](std::string_view op, std::string_view mailbox, json::object params,
                          std::string_view id) {
        return outcome(w.call(op, mailbox, std::move(params), {{"id", id}}));
    };
    REQUIRE(call("event.create", host, secret, "create") == "ok");
    REQUIRE(call("event.update", host, {{"event_id", "b-1"}, {"set", {{"subject", "planted-subject-2"}}}},
                 "update") == "ok");
    REQUIRE(call("event.get", host, {{"event_id", "b-1"}}, "get") == "ok");
    REQUIRE(call("event.get", host, {{"event_id", "gone"}}, "get-gone") == "event_not_found");
    REQUIRE(call("connection.test", "", {}, "test") == "ok");
    REQUIRE(call("availability.get", "", free_busy(3), "free-busy") == "ok");
    REQUIRE(call("availability.get", "", free_busy(30), "free-busy-of-many") == "ok");
    REQUIRE(call("mailbox.verify", "private@corp.example", {}, "not-allowed") == "impersonation_denied");
    REQUIRE(call("event.cancel", "user9@corp.example", {{"event_id", "b-9"}}, "by-policy") ==
            "policy_denied");
    REQUIRE(call("event.create", host, {{"event_id", "b-2"}, {"subject", "planted-subject"}},
                 "without-times") == "invalid_request");
    REQUIRE(call("mailbox.wipe", host, {}, "unknown") == "unsupported_operation");
    w.cloud().post(
        "/raw",
        {{"text",
          R"({"type":"command","id":"create","op":"event.cancel","mailbox":"host@corp.example","params":{"event_id":"b-1"}})"}});
    REQUIRE(eventually([&] { return w.cloud().get("/problems").as_array().size() == 1; }));
    w.faults({fault("CreateItem", "before", "delay", {{"ms", 700}})});
    const auto running = w.send("event.create", host, booking("b-3"), {{"id", "running"}});
    const auto waiting = w.send("event.cancel", host, {{"event_id", "b-3"}}, {{"id", "cancelled"}});
    REQUIRE(w.accepted(waiting));
    w.cloud().post("/commands/cancelled/cancel");
    REQUIRE(outcome(w.result(waiting)) == "cancelled");
    REQUIRE(outcome(w.result(running)) == "ok");
    // More than the window takes.
    w.faults({fault("GetUserAvailability", "before", "delay", {{"ms", 700}}, 0)});
    constexpr int many = 70;
    for (int i = 0; i < many; ++i) {
        auto frame =
            json::object{{"type", "command"}, {"id", "w-" + std::to_string(i)}, {"op", "availability.get"}};
        frame["params"] = free_busy(1);
        w.cloud().post("/raw", {{"text", json::serialize(frame)}});
    }
    std::vector<json::object> all;
    REQUIRE(eventually([&] { return (all = entries(w)).size() == 14 + many; }, 30s));

    const std::vector<std::pair<std::string, std::string>> expected{{"create", "ok id_reused"},
                                                                    {"update", "ok"},
                                                                    {"get", "ok"},
                                                                    {"get-gone", "event_not_found"},
                                                                    {"test", "ok"},
                                                                    {"free-busy", "ok"},
                                                                    {"free-busy-of-many", "ok"},
                                                                    {"not-allowed", "impersonation_denied"},
                                                                    {"by-policy", "policy_denied"},
                                                                    {"without-times", "invalid_request"},
                                                                    {"unknown", "unsupported_operation"},
                                                                    {"running", "ok"},
                                                                    {"cancelled", "cancelled"}};
    for (const auto& [id, outcome_of_it] : expected) {
        INFO(id);
        CHECK(outcomes(all, id) == outcome_of_it);
    }
    int refused = 0;
    for (int i = 0; i < many; ++i) {
        const auto one = outcomes(all, "w-" + std::to_string(i));
        CHECK((one == "ok" || one == "overloaded"));
        refused += one == "overloaded";
    }
    CHECK(refused >= 1);

    const auto session = text_at(w.cloud().get("/agents"), "/0/session");
    for (const auto& e : all)
        CHECK(e.at("session").as_string() == std::string_view(session));
    const auto& create = entry(all, "create");
    CHECK(create.at("op").as_string() == "event.create");
    CHECK(create.at("mailbox").as_string() == host);
    CHECK(create.at("event_id").as_string() == "b-1");
    CHECK(create.at("attempts").to_number<int>() == 1);
    CHECK(create.contains("took_ms"));
    CHECK(create.contains("at"));
    CHECK(entry(all, "by-policy").at("event_id").as_string() == "b-9");
    CHECK(json::serialize(entry(all, "free-busy").at("addresses")) ==
          R"(["user1@corp.example","user2@corp.example","user3@corp.example"])");
    CHECK(entry(all, "free-busy-of-many").at("mailboxes").to_number<int>() == 30);
    CHECK_FALSE(entry(all, "free-busy-of-many").contains("addresses"));

    CHECK(audit(w).out.find("planted") == std::string::npos);
    CHECK(file(w).everything("SELECT * FROM audit").find("planted") == std::string::npos);
    CHECK(entries(w, {"--since", "1h"}).size() == all.size());
    CHECK(entries(w, {"--since", "2200-01-01T00:00:00Z"}).empty());
    const auto sound = audit(w, {"--verify"}); // beside the running agent
    INFO(sound.out << sound.err);
    CHECK(sound.code == 0);
    CHECK(w.stop_agent() == 0);
    CHECK(entries(w).size() == all.size());
    CHECK(audit(w, {"--verify"}).code == 0);
    CHECK(w.agent_log().find("audit: " + std::to_string(all.size()) + " entries, the last is ") !=
          std::string::npos);
}

TEST_CASE("the audit survives the death of the agent, and goes on where it was", "[integration][audit]")
{
    scenario w;
    for (int round = 0; round < 3; ++round) {
        const auto n = std::to_string(round);
        REQUIRE(outcome(w.call("mailbox.verify", host, {}, {{"id", "read-" + n}})) == "ok");
        // What a death may cost is younger.
        REQUIRE(eventually([&] { return !outcomes(entries(w), "read-" + n).empty(); }));
        REQUIRE(outcome(w.call("event.create", host, booking("b-" + n), {{"id", "write-" + n}})) == "ok");
        w.kill_agent();
        CHECK(audit(w, {"--verify"}).code == 0); // while nobody has the file open
        w.start_agent();
        w.wait_connected();
    }
    const auto all = entries(w);
    for (int round = 0; round < 3; ++round) {
        CHECK(outcomes(all, "read-" + std::to_string(round)) == "ok");
        CHECK(outcomes(all, "write-" + std::to_string(round)) == "ok");
    }
    for (std::size_t i = 0; i < all.size(); ++i)
        CHECK(all[i].at("n").to_number<std::size_t>() == i + 1);
    CHECK(audit(w, {"--verify"}).code == 0);
}

TEST_CASE("a read that the end of the agent cuts off is in the audit", "[integration][audit]")
{
    scenario w(with({{"agent.drain_timeout_s", "1"}}));
    w.faults({fault("GetUserAvailability", "before", "delay", {{"ms", 4'000}}, 0)});
    w.send("availability.get", "", free_busy(1), {{"id", "cut"}});
    REQUIRE(eventually([&] { return w.requests("GetUserAvailability") == 1; }));
    CHECK(w.stop_agent() == 0);
    const auto all = entries(w);
    CHECK(all.size() == 1);
    CHECK(outcomes(all, "cut") == "unanswered");
}

TEST_CASE("a tampered audit is found, said, and no hindrance to the agent", "[integration][audit]")
{
    scenario w;
    for (int i = 0; i < 6; ++i)
        REQUIRE(outcome(w.call("event.create", host, booking("b-" + std::to_string(i)))) == "ok");
    const auto found = [&] {
        const auto verdict = audit(w, {"--verify"});
        INFO(verdict.out << verdict.err);
        CHECK(verdict.code == 1);
        CHECK(verdict.err.find("the audit in ") != std::string::npos);
        return verdict.out;
    };
    SECTION("while the agent runs")
    {
        file(w).run("UPDATE audit SET mailbox = 'other@corp.example' WHERE n = 3");
        CHECK(found().find("entry 3 was changed") != std::string::npos);
        file(w).run("DELETE FROM audit WHERE n = 5");
        CHECK(found().find("entry 5 is missing") != std::string::npos);
    }
    SECTION("its end, while no agent runs")
    {
        REQUIRE(w.stop_agent() == 0);
        file(w).run("DELETE FROM audit WHERE n > 4");
        CHECK(found().find("entries 5 to 6 are missing at the end") != std::string::npos);
        w.start_agent();
        w.wait_connected();
        CHECK(w.agent_log().find("audit: the log was changed from outside") != std::string::npos);
        CHECK(outcome(w.call("event.create", host, booking("b-7"))) == "ok");
        CHECK(found().find("entries 5 to 6 are missing") != std::string::npos);
    }
}

TEST_CASE("the audit command says what is wrong with how it is asked", "[integration][audit]")
{
    scenario w(with({}, false));
    for (const auto* bad : {"yesterday", "7", "d", "-1d", "7w", "2026-11-22", "99999999999999999999d"}) {
        const auto refused = audit(w, {"--since", bad});
        INFO(bad);
        CHECK(refused.code == 2);
        CHECK(refused.err.find("--since takes a time such as") != std::string::npos);
    }
    const auto nothing = audit(w);
    CHECK(nothing.code == 1);
    CHECK(nothing.out.empty());
    CHECK(nothing.err.find("there is no audit in") != std::string::npos);
}
