// Policy on the way to Exchange: whatever the cloud sends and whenever the rules change, nothing that they forbid is asked of
// Exchange, and what they allow is. A naive model of the rules, which shares no code with agent/policy, decides.
#include "tests/unit/commands/policy_model.hpp"

#include <random>

using namespace relay;
using namespace relay::test;

namespace {

// ---- a random life ----

class random_life : public agent_fixture {
public:
    explicit random_life(unsigned seed) : random_(seed)
    {
        in_use = &watched_;
        rules = &*in_force_;
        new_rules();
        restart();
    }
    ~random_life() { stop(); }

    void play(int steps)
    {
        for (int i = 0; i < steps; ++i) {
            switch (below(12)) {
            case 0:
                new_rules();
                break;
            case 1:
                watched_.down = !watched_.down;
                break;
            case 2:
                watched_.lose_next_write = true;
                break;
            case 3:
                collect();
                restart();
                break;
            case 4:
                time.advance(std::chrono::milliseconds(below(40'000)));
                break;
            default:
                send_something();
            }
            time.settle();
            collect();
        }
        watched_.down = false;
        watched_.lose_next_write = false;
        for (int i = 0; i < 40; ++i) {
            time.advance(20s);
            collect();
        }
    }

    void judge()
    {
        CHECK(watched_.forbidden == std::vector<std::string>{});
        for (const auto& [id, s] : sent_) {
            INFO(id << " " << s.op << " " << s.mailbox << " "
                    << (s.result ? json::serialize(*s.result) : "-"));
            if (!s.result) {
                CHECK(commands::catalog().class_of(s.op) ==
                      protocol::operation_class::read); // a restart may swallow it
                continue;
            }
            const bool good = s.result->at("ok").as_bool();
            const auto code =
                good ? std::string("ok") : std::string(s.result->at("error").at("code").as_string());
            if (!s.allowed_at_first || !s.ever_allowed)
                CHECK(code == "policy_denied");
            else if (s.always_allowed && s.mailboxes.empty())
                CHECK(code != "policy_denied");
            if (good && !s.mailboxes.empty() && !s.rules_changed)
                judge_mailboxes(s);
        }
    }

    int calls() const { return watched_.calls; }
    int results(const std::string& code) const
    {
        int n = 0;
        for (const auto& [id, s] : sent_)
            if (s.result)
                n += (s.result->at("ok").as_bool() ? "ok" : s.result->at("error").at("code").as_string()) ==
                     code;
        return n;
    }

private:
    int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
    template <class T>
    const T& one_of(const std::vector<T>& list)
    {
        return list[static_cast<std::size_t>(below(static_cast<int>(list.size())))];
    }
    std::vector<std::string> some_of(const std::vector<std::string>& list, int most)
    {
        std::vector<std::string> some;
        for (int i = below(most + 1); i > 0; --i)
            some.push_back(one_of(list));
        return some;
    }

    void new_rules()
    {
        static const std::vector<std::string> operations{"*",
                                                         "event.*",
                                                         "availability.*",
                                                         "event.create",
                                                         "event.get",
                                                         "event.update",
                                                         "*.get",
                                                         "event.c*",
                                                         "connection.test",
                                                         "*.verify",
                                                         "*.*a*e",
                                                         "agent.diagnose",
                                                         "event.*",
                                                         "mailbox.verify",
                                                         "*"};
        static const std::vector<std::string> mailboxes{"*",
                                                        "*",
                                                        "*@corp.example",
                                                        "*@Corp.Example",
                                                        "HOST@corp.example",
                                                        "h*",
                                                        "*o*@*",
                                                        "a@corp.example",
                                                        "*.example",
                                                        "user1*@*",
                                                        "*@*.other.example"};
        static const std::vector<std::string> denied_ones{
            "ceo@corp.example",  "CEO@*",           "*@*.other.example", "user?@corp.example", "user2*",
            "host@corp.example", "*@corp.example.", "a*@corp.example"};
        rules_.rules = {some_of(operations, 4), some_of(mailboxes, 3), some_of(denied_ones, 3)};
        in_force_.emplace(rules_.rules);
        for (auto& [id, s] : sent_)
            if (!s.result) {
                s.rules_changed = true;
                note_rules(s);
            }
    }

    void note_rules(sent& s) const
    {
        const bool yes = allowed(rules_, s);
        s.always_allowed = s.always_allowed && yes;
        s.ever_allowed = s.ever_allowed || yes;
    }

    void send_something()
    {
        static const std::vector<std::string> operations{
            "connection.test", "mailbox.verify", "availability.get", "event.create",  "event.create",
            "event.update",    "event.cancel",   "event.get",        "agent.diagnose"};
        static const std::vector<std::string> mailboxes{
            "host@corp.example", "HOST@Corp.Example",   "ceo@corp.example", "Ceo@CORP.example",
            "a@corp.example",    "b@sub.other.example", "x@elsewhere.test"};
        sent s;
        s.op = one_of(operations);
        json::object params;
        if (s.op == "availability.get") {
            const int count = 1 + below(below(4) == 0 ? 250 : 6);
            for (int i = 0; i < count; ++i)
                s.mailboxes.push_back(i < 3 ? one_of(mailboxes)
                                            : "user" + std::to_string(i) + "@corp.example");
            params = {{"mailboxes", json::array(s.mailboxes.begin(), s.mailboxes.end())},
                      {"start", "2026-11-23T00:00:00Z"},
                      {"end", "2026-11-24T00:00:00Z"}};
            for (const auto& m : s.mailboxes)
                s.allowed_mailboxes.push_back(rules_.mailbox(m));
        } else if (s.op.starts_with("event.") || s.op == "mailbox.verify") {
            s.mailbox = one_of(mailboxes);
        }
        if (s.op.starts_with("event."))
            params["event_id"] = "e-" + std::to_string(below(4));
        if (s.op == "event.update")
            params["set"] = json::object{{"subject", "New"}};
        if (s.op == "event.create")
            for (const auto& [key, value] :
                 json::object{{"subject", "S"},
                              {"start", "2026-11-23T09:00:00Z"},
                              {"end", "2026-11-23T10:00:00Z"},
                              {"attendees", json::array{json::object{{"email", "g@corp.example"}}}}})
                params[key] = value;
        s.allowed_at_first = allowed(rules_, s);
        note_rules(s);
        protocol::command c;
        c.id = "c-" + std::to_string(sent_.size());
        c.op = s.op;
        c.mailbox = s.mailbox;
        c.redelivered = below(5) == 0;
        c.params = std::move(params);
        sent_.emplace(c.id, std::move(s));
        now->in.offer(std::move(c));
    }

    void collect()
    {
        for (const auto& f : now->frames)
            if (f.at("type") == "result")
                if (const auto found = sent_.find(std::string(f.at("id").as_string()));
                    found != sent_.end() && !found->second.result)
                    found->second.result = f;
    }

    static void judge_mailboxes(const sent& s)
    {
        const auto& entries = s.result->at("output").at("mailboxes").as_array();
        REQUIRE(entries.size() == s.mailboxes.size());
        for (std::size_t i = 0; i < entries.size(); ++i) {
            const auto& e = entries[i].as_object();
            INFO(s.mailboxes[i]);
            CHECK(e.at("ok").as_bool() == s.allowed_mailboxes[i]);
            if (!s.allowed_mailboxes[i])
                CHECK(e.at("error").at("code") == "policy_denied");
        }
    }

    std::mt19937 random_;
    policy_model rules_;
    std::optional<policy::policy> in_force_{policy::policy({})};
    std::map<std::string, sent> sent_;
    watched_exchange watched_{exchange, rules_, sent_};
};

struct judged : agent_fixture {
    std::optional<policy::policy> in_force{policy::policy({})};

    judged()
    {
        rules = &*in_force;
        restart();
    }
    ~judged() { stop(); }
    void deny(std::vector<std::string> mailboxes)
    {
        in_force.emplace(policy::rules{{"*"}, {"*"}, std::move(mailboxes)});
    }
};

} // namespace

TEST_CASE("nothing that policy forbids reaches Exchange, and what it allows does", "[unit][policy]")
{
    int calls = 0, good = 0, denied = 0;
    for (unsigned seed = 1; seed <= 200; ++seed) {
        INFO("seed " << seed);
        random_life life(seed);
        life.play(40);
        life.judge();
        calls += life.calls();
        good += life.results("ok");
        denied += life.results("policy_denied");
    }
    // The lives were about something.
    CHECK(calls > 2000);
    CHECK(good > 500);
    CHECK(denied > 500);
}

TEST_CASE_METHOD(judged, "a write that waits is not carried out once policy forbids it", "[unit][policy]")
{
    for (int i = 0; i < 3; ++i)
        exchange.troubles.push_back({call::find, outage});
    create("c-1", "e-1");
    CHECK(result("c-1") == nullptr);
    deny({"host@corp.example"});
    time.advance(5min);
    CHECK(code("c-1") == "policy_denied");
    CHECK(exchange.count(call::create) == 0);
}

TEST_CASE_METHOD(judged, "a write that waits is not carried out after a restart either", "[unit][policy]")
{
    exchange.troubles.push_back({call::find, outage});
    create("c-1", "e-1");
    deny({"host@corp.example"});
    restart();
    time.advance(5min);
    CHECK(code("c-1") == "policy_denied");
    CHECK(exchange.count(call::create) == 0);
}

TEST_CASE_METHOD(judged, "a mailbox that policy forbids while its free/busy waits fails alone",
                 "[unit][policy]")
{
    exchange.troubles.push_back({call::availability, outage});
    send("r-1", "availability.get",
         {{"mailboxes", json::array{"host@corp.example", "other@corp.example"}},
          {"start", "2026-11-23T00:00:00Z"},
          {"end", "2026-11-24T00:00:00Z"}});
    CHECK(result("r-1") == nullptr);
    deny({"host@corp.example"});
    time.advance(29s);
    const auto& mailboxes = output("r-1").at("mailboxes").as_array();
    CHECK(mailboxes.at(0).at("error").at("code") == "policy_denied");
    CHECK(mailboxes.at(1).at("ok") == true);
}

TEST_CASE_METHOD(judged, "a write whose outcome is unknown is looked up, answered truly and not repeated",
                 "[unit][policy]")
{
    const bool done = GENERATE(true, false), restarted = GENERATE(true, false);
    exchange.troubles.push_back({call::create, answer_lost, done});
    create("c-1", "e-1");
    REQUIRE(exchange.count(call::create) == 1);
    deny({"host@corp.example"}); // before it has looked
    if (restarted)
        restart();
    time.advance(10min);
    CHECK(exchange.count(call::create) == 1);
    if (done)
        CHECK(ok("c-1"));
    else
        CHECK(code("c-1") == "policy_denied");
}

TEST_CASE_METHOD(judged,
                 "invitations over the rate are denied at their try, with the time when they may come again",
                 "[unit][policy]")
{
    policy::rules r;
    r.most_invitations = 2;
    in_force.emplace(r);
    create_meeting("c-1", "e-1");
    create_meeting("c-2", "e-2");
    create("c-3", "e-3"); // invites nobody
    CHECK(ok("c-1"));
    CHECK(ok("c-2"));
    CHECK(ok("c-3"));
    create_meeting("c-4", "e-4");
    CHECK(code("c-4") == "policy_denied");
    CHECK(exchange.effects("create e-4") == 0);
    CHECK(result("c-4")->at("error").at("message").as_string().find("it may come again at 20") !=
          json::string::npos);
    update("c-5", "e-1"); // tells its attendee
    CHECK(code("c-5") == "policy_denied");
    cancel_event("c-6", "e-1"); // taking back is always possible
    CHECK(ok("c-6"));
    time.advance(61min);
    create_meeting("c-7", "e-4");
    CHECK(ok("c-7"));
}

TEST_CASE_METHOD(judged, "a command counts its invitations once, however often it is tried", "[unit][policy]")
{
    policy::rules r;
    r.most_invitations = 1;
    in_force.emplace(r);
    for (int i = 0; i < 3; ++i)
        exchange.troubles.push_back({call::create, outage});
    create_meeting("c-1", "e-1");
    time.advance(5min);
    CHECK(exchange.count(call::create) == 4);
    CHECK(ok("c-1"));
}

TEST_CASE_METHOD(judged, "nobody is told of a change whom policy forbids to invite by now", "[unit][policy]")
{
    create_meeting("c-1", "e-1");
    REQUIRE(ok("c-1"));
    policy::rules r;
    r.deny_attendees = {"guest@*"};
    in_force.emplace(r);
    update("c-2", "e-1");
    CHECK(code("c-2") == "policy_denied");
    CHECK(exchange.count(call::update) == 0);
    send("c-3", "event.update", {{"event_id", "e-1"}, {"set", {{"subject", "New"}}}, {"notify", "none"}});
    CHECK(ok("c-3"));
    create_meeting("c-4", "e-4");
    CHECK(code("c-4") == "policy_denied");
    cancel_event("c-5", "e-1");
    CHECK(ok("c-5"));
}

TEST_CASE_METHOD(judged, "no other name and no list leads round what policy denies", "[unit][policy]")
{
    using kind = ews::recipient::kind;
    exchange.address_book = {{"boss@corp.example", {kind::one, "ceo@corp.example"}},
                             {"board@corp.example", {kind::several, "board@corp.example"}},
                             {"nobody@corp.example", {kind::unknown, {}}}};
    deny({"ceo@corp.example"});
    const auto ask = [&](const std::string& id) {
        send(id, "availability.get",
             {{"mailboxes", json::array{"host@corp.example", "Boss@corp.example", "board@corp.example",
                                        "nobody@corp.example", "host@corp.example", "ceo@corp.example"}},
              {"start", "2026-11-23T00:00:00Z"},
              {"end", "2026-11-24T00:00:00Z"}});
        time.advance(1s);
        std::string told;
        for (const auto& m : output(id).at("mailboxes").as_array())
            told += m.at("ok").as_bool() ? std::string("ok ")
                                         : std::string(m.at("error").at("code").as_string()) + ' ';
        return told;
    };
    CHECK(ask("r-1") == "ok policy_denied policy_denied mailbox_not_found ok policy_denied ");
    CHECK(exchange.count(call::recipient) == 4);
    CHECK(result("r-1")->at("attempts").as_int64() == 1);
    for (const auto& together : exchange.asked_about)
        for (const auto& m : together)
            CHECK(m == "host@corp.example");
    ask("r-2");
    CHECK(exchange.count(call::recipient) == 4); // no further round trip
    in_force.emplace(policy::rules{});           // nothing is restricted: nobody is looked up
    send("r-3", "availability.get",
         {{"mailboxes", json::array{"somebody@corp.example"}},
          {"start", "2026-11-23T00:00:00Z"},
          {"end", "2026-11-24T00:00:00Z"}});
    CHECK(ok("r-3"));
    CHECK(exchange.count(call::recipient) == 4);
}

TEST_CASE_METHOD(judged, "nobody is invited under another name than the one that policy denies",
                 "[unit][policy]")
{
    exchange.address_book = {
        {"guest@corp.example", {ews::recipient::kind::several, "all-staff@corp.example"}}};
    policy::rules r;
    r.deny_attendees = {"all-staff@corp.example"};
    in_force.emplace(r);
    limits.most_requests = 1; // a command does not wait for itself
    restart();
    create_meeting("c-1", "e-1");
    time.advance(10s);
    CHECK(code("c-1") == "policy_denied");
    CHECK(exchange.count(call::create) == 0);
    create("c-2", "e-2");
    CHECK(ok("c-2"));
    send("c-3", "event.update",
         {{"event_id", "e-2"},
          {"set", {{"attendees", json::array{json::object{{"email", "guest@corp.example"}}}}}}});
    time.advance(10s);
    CHECK(code("c-3") == "policy_denied");
    send("c-4", "event.update",
         {{"event_id", "e-2"},
          {"set", {{"attendees", json::array{json::object{{"email", "new@corp.example"}}}}}}});
    time.advance(10s);
    CHECK(ok("c-4"));
    CHECK(exchange.count(call::recipient) == 2);
}

TEST_CASE_METHOD(judged, "who an address is, is asked again as long as Exchange is away", "[unit][policy]")
{
    deny({"ceo@corp.example"});
    exchange.troubles.push_back({call::recipient, outage});
    send("r-1", "availability.get",
         {{"mailboxes", json::array{"host@corp.example"}},
          {"start", "2026-11-23T00:00:00Z"},
          {"end", "2026-11-24T00:00:00Z"}});
    time.advance(29s);
    CHECK(output("r-1").at("mailboxes").at(0).at("ok") == true);
    CHECK(exchange.count(call::recipient) == 2);
}
