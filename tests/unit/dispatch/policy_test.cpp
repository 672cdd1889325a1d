// Policy on the way to Exchange: whatever the cloud sends and whenever the rules change, nothing that they forbid is asked of
// Exchange, and what they allow is. A naive model of the rules, which shares no code with agent/policy, decides.
#include "tests/unit/dispatch/agent_fixture.hpp"

#include <cctype>
#include <map>
#include <optional>
#include <random>
#include <set>

using namespace relay;
using namespace relay::test;

namespace {

// ---- the model ----

bool fits(const std::string& pattern, const std::string& text, std::size_t p = 0, std::size_t t = 0)
{
    if (p == pattern.size())
        return t == text.size();
    if (pattern[p] == '*')
        return fits(pattern, text, p + 1, t) || (t < text.size() && fits(pattern, text, p, t + 1));
    return t < text.size() &&
           std::tolower(static_cast<unsigned char>(pattern[p])) ==
               std::tolower(static_cast<unsigned char>(text[t])) &&
           fits(pattern, text, p + 1, t + 1);
}

bool fits_any(const std::vector<std::string>& patterns, const std::string& text)
{
    for (const auto& p : patterns)
        if (fits(p, text))
            return true;
    return false;
}

struct model {
    policy::rules rules;

    bool operation(const std::string& op) const { return fits_any(rules.allow_operations, op); }
    bool mailbox(const std::string& m) const
    {
        return !fits_any(rules.deny_mailboxes, m) && fits_any(rules.allow_mailboxes, m);
    }
};

// ---- what is sent ----

struct sent {
    std::string op, mailbox;            // no mailbox: availability and the like
    std::vector<std::string> mailboxes; // of availability
    bool allowed_at_first = false, always_allowed = true, ever_allowed = false;
    bool rules_changed = false; // since it was sent
    std::vector<bool> allowed_mailboxes;
    std::optional<json::object> result;
};

bool allowed(const model& m, const sent& s)
{
    return m.operation(s.op) && (s.mailbox.empty() || m.mailbox(s.mailbox));
}

// Between dispatch and the scripted Exchange: asks the model about each call.
class watched_exchange final : public ews::exchange {
public:
    watched_exchange(scripted_exchange& real, const model& rules, const std::map<std::string, sent>& commands)
        : real_(real),
          rules_(rules),
          commands_(commands)
    {
    }

    bool down = false;            // nothing gets through
    bool lose_next_write = false; // it is done, and its answer lost
    std::vector<std::string> forbidden;
    int calls = 0;

    task<ews::outcome<ews::server_info>> resolve_account(duration limit) override
    {
        saw("connection.test", {});
        if (down)
            co_return outage;
        co_return co_await real_.resolve_account(limit);
    }
    task<ews::outcome<ews::mailbox_info>> open_calendar(const mailbox_address& m, duration limit) override
    {
        saw("mailbox.verify", m.str());
        if (down)
            co_return outage;
        co_return co_await real_.open_calendar(m, limit);
    }
    task<ews::outcome<std::vector<ews::mailbox_busy>>> availability(std::vector<mailbox_address> mailboxes,
                                                                    utc_time start, utc_time end,
                                                                    duration limit) override
    {
        for (const auto& m : mailboxes)
            saw("availability.get", m.str());
        if (down)
            co_return outage;
        co_return co_await real_.availability(std::move(mailboxes), start, end, limit);
    }
    task<ews::outcome<std::vector<ews::found_item>>> find(const mailbox_address& m, std::string event_id,
                                                          duration limit) override
    {
        looked(m.str());
        if (down)
            co_return outage;
        co_return co_await real_.find(m, std::move(event_id), limit);
    }
    task<ews::outcome<std::vector<ews::mail_folder>>> other_folders(const mailbox_address& m,
                                                                    duration limit) override
    {
        looked(m.str());
        if (down)
            co_return outage;
        co_return co_await real_.other_folders(m, limit);
    }
    task<ews::outcome<std::vector<ews::found_item>>> find_in(const mailbox_address& m, std::string event_id,
                                                             std::vector<ews::mail_folder> asked,
                                                             duration limit) override
    {
        looked(m.str());
        co_return co_await real_.find_in(m, std::move(event_id), std::move(asked), limit);
    }
    task<ews::outcome<ews::item>> get(const mailbox_address& m, ews::item_ref ref, duration limit) override
    {
        looked(m.str());
        if (down)
            co_return outage;
        co_return co_await real_.get(m, std::move(ref), limit);
    }
    task<ews::outcome<ews::item_ref>> create(const mailbox_address& m, ews::item_fields fields,
                                             ews::marks marks, std::string uid, protocol::notify notify,
                                             duration limit) override
    {
        wrote(marks.command_id, m.str());
        if (down)
            co_return outage;
        const bool lost = std::exchange(lose_next_write, false);
        auto made =
            co_await real_.create(m, std::move(fields), std::move(marks), std::move(uid), notify, limit);
        if (lost)
            co_return unknown_outcome(m);
        co_return made;
    }
    task<ews::outcome<ews::item_ref>> update(const mailbox_address& m, ews::item_ref ref,
                                             ews::item_fields fields, std::string command_id,
                                             protocol::notify notify, duration limit) override
    {
        wrote(command_id, m.str());
        if (down)
            co_return outage;
        const bool lost = std::exchange(lose_next_write, false);
        auto changed =
            co_await real_.update(m, std::move(ref), std::move(fields), std::move(command_id), notify, limit);
        if (lost)
            co_return unknown_outcome(m);
        co_return changed;
    }
    task<ews::outcome<void>> remove(const mailbox_address& m, ews::item_ref ref, protocol::notify notify,
                                    duration limit) override
    {
        saw("event.cancel", m.str());
        if (down)
            co_return outage;
        const bool lost = std::exchange(lose_next_write, false);
        auto gone = co_await real_.remove(m, std::move(ref), notify, limit);
        if (lost)
            co_return unknown_outcome(m);
        co_return gone;
    }

private:
    void saw(const std::string& op, const std::string& mailbox)
    {
        ++calls;
        if (!rules_.operation(op) || (!mailbox.empty() && !rules_.mailbox(mailbox)))
            forbidden.push_back(op + " " + mailbox);
    }
    void wrote(const std::string& command, const std::string& mailbox)
    {
        saw(commands_.at(command).op, mailbox);
    }
    // A look harms nobody where a write of unknown outcome has to be told the truth about.
    void looked(const std::string& mailbox)
    {
        ++calls;
        const bool some_event_operation = rules_.operation("event.create") ||
                                          rules_.operation("event.update") ||
                                          rules_.operation("event.cancel") || rules_.operation("event.get");
        if ((!some_event_operation || !rules_.mailbox(mailbox)) && !in_doubt_.contains(ascii_key(mailbox)))
            forbidden.push_back("look " + mailbox);
    }
    ews::error unknown_outcome(const mailbox_address& m)
    {
        in_doubt_.insert(m.key());
        return answer_lost;
    }
    static std::string ascii_key(const std::string& mailbox)
    {
        return mailbox_address::parse(mailbox)->key();
    }

    scripted_exchange& real_;
    const model& rules_;
    const std::map<std::string, sent>& commands_;
    std::set<std::string> in_doubt_; // mailboxes
};

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
                CHECK(protocol::class_of(s.op) ==
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
    model rules_;
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
