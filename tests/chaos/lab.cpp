#include "tests/chaos/lab.hpp"

#include "common/time/rfc3339.hpp"

#include <sqlite3.h>

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <thread>

namespace relay::chaos {
namespace {

constexpr int killed = 128 + SIGKILL;
constexpr int terminated = 128 + SIGTERM; // asked to stop before it was there to hear it
constexpr auto connect_limit =
    4s; // then the agent is started anew: it may sit in a long pause between two dials
constexpr auto between_looks = 10ms;
constexpr auto lost_after = 400ms; // what a connected agent has said nothing about is sent again

std::chrono::sys_time<milliseconds> now()
{
    return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

// The answer that counts: of several agents one that did it; nothing while the one that has it now has not answered.
std::optional<json::object> answer_of(const asked& c, const json::object& record)
{
    if (!c.given_on)
        return text_of(record, "state") == "finished" ? std::optional(record.at("result").as_object())
                                                      : std::nullopt;
    std::optional<json::object> last, done;
    for (const auto& a : record.at("answers").as_array()) {
        const auto& result = a.as_object().at("result").as_object();
        if (text_of(a.as_object(), "agent") == c.agent)
            last = result;
        if (result.at("ok").as_bool())
            done = result;
    }
    return last && done ? done : last;
}

} // namespace

std::int64_t count_in_queue(const fs::path& file, const char* query)
{
    sqlite3* db = nullptr;
    sqlite3_stmt* statement = nullptr;
    std::int64_t found = -1;
    if (sqlite3_open_v2(file.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
        sqlite3_prepare_v2(db, query, -1, &statement, nullptr) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        found = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return found;
}

test::configuration quick_settings()
{
    return {{"exchange.settle_s", "1"},
            {"exchange.timeout_s", "1"},
            {"exchange.streaming", "false"},
            {"agent.drain_timeout_s", "2"},
            {"log.level", "'debug'"}};
}

lab::lab(std::string name, test::world_options options) : name_(std::move(name))
{
    options.start_agent = false;
    world_ = std::make_unique<test::relay_world>(std::move(options));
}

// ---- the agent ----

void lab::start(const std::string& crash_at)
{
    look_at_end();
    std::map<std::string, std::string> environment{
        {"RELAY_CRASH_LOG", (world_->folder() / "visits").string()}};
    if (!crash_at.empty())
        environment["RELAY_CRASH_AT"] = crash_at;
    last_session_ = text_of(newest_session(), "session"); // the cloud may not have seen its end yet
    world_->start_agent(environment);
    started_ = true;
    note(crash_at.empty() ? "start" : "start, to die at " + crash_at);
}

void lab::look_at_end()
{
    if (!started_)
        return;
    if (const auto code = world_->agent().wait(0ms);
        code && *code != 0 && *code != killed && *code != terminated)
        bad_ends_.push_back("an agent ended by itself with " + std::to_string(*code) + "; the log ends:\n" +
                            world_->agent_log_tail(2000));
}

void lab::revive()
{
    const auto until = std::chrono::steady_clock::now() + 60s * test::slowness();
    for (;;) {
        if (!running())
            start();
        if (test::eventually([&] { return !running() || connected(); }, connect_limit) && running())
            return;
        if (std::chrono::steady_clock::now() > until)
            throw std::runtime_error("the agent does not connect any more; its log ends:\n" +
                                     world_->agent_log_tail());
        kill("it does not connect");
    }
}

void lab::kill(std::string_view why)
{
    world_->kill_agent();
    note("kill: " + std::string(why));
}

bool lab::stop()
{
    note("stop");
    const auto code = world_->stop_agent();
    if (!code) {
        kill("it does not stop");
        return false;
    }
    return *code == 0 || *code == killed;
}

bool lab::died(milliseconds limit)
{
    if (world_->agent().wait(limit * test::slowness()) != killed)
        return false;
    note("died");
    return true;
}

// ---- commands ----

std::vector<std::string> lab::ask(std::vector<asked> commands)
{
    json::array posted;
    std::vector<std::string> ids;
    for (auto& c : commands) {
        if (c.id.empty())
            c.id = name_ + "-c" + std::to_string(++ids_);
        c.event_id = text_of(c.params, "event_id");
        c.first_sent = c.last_sent = ++sends_;
        json::object o{{"id", c.id}, {"op", c.op}, {"params", c.params}};
        if (!c.mailbox.empty())
            o["mailbox"] = c.mailbox;
        if (c.agent.empty())
            c.agent = agent_;
        if (!c.agent.empty())
            o["agent"] = c.agent;
        if (c.ttl_ms)
            o["ttl_ms"] = *c.ttl_ms;
        note("ask " + json::serialize(o));
        posted.push_back(std::move(o));
        ids.push_back(c.id);
        number_[c.id] = commands_.size();
        commands_.push_back(std::move(c));
    }
    world_->cloud().post("/commands", std::move(posted));
    return ids;
}

std::string lab::ask(std::string_view op, std::string_view mailbox, json::object params,
                     std::optional<int> ttl_ms)
{
    asked c;
    c.op = op;
    c.mailbox = mailbox;
    c.params = std::move(params);
    c.ttl_ms = ttl_ms;
    return ask(std::vector{std::move(c)}).front();
}

void lab::send_again(const std::string& id)
{
    auto& c = commands_[number_.at(id)];
    c.last_sent = ++sends_;
    note("send again " + id);
    stand_in::control_client client(
        world_->cloud().url()); // 409 where no agent is connected: that is an answer too
    (void)client.call("POST", "/commands/" + id + "/redeliver", json::object());
}

void lab::cancel(const std::string& id)
{
    note("cancel " + id);
    stand_in::control_client client(world_->cloud().url());
    (void)client.call("POST", "/commands/" + id + "/cancel", json::object());
}

bool lab::give_on(const std::string& id, const std::string& agent)
{
    auto& c = commands_[number_.at(id)];
    stand_in::control_client client(world_->cloud().url());
    const auto reply = client.call("POST", "/commands/" + id + "/redeliver", {{"agent", agent}});
    if (reply.has_error() || reply->status != 200)
        return false;
    note("give " + id + " to " + agent);
    c.last_sent = ++sends_;
    c.agent = agent;
    c.given_on = true;
    return true;
}

void lab::forget_results(const std::vector<std::string>& ids)
{
    for (const auto& id : ids)
        if (const auto found = number_.find(id); found != number_.end()) {
            commands_[found->second].result.reset();
            known_ = std::min(known_, found->second);
        }
}

std::int64_t lab::deeds()
{
    const auto book = world_->exchange().get("/ledger").as_object();
    std::int64_t last = 0;
    for (const auto* list : {"writes", "notifications", "by_hand"})
        if (const auto& entries = book.at(list).as_array(); !entries.empty())
            last = std::max(last, entries.back().at("n").to_number<std::int64_t>());
    return last;
}

std::size_t lab::learn()
{
    std::size_t open = 0;
    for (auto i = known_; i < commands_.size(); ++i) {
        auto& c = commands_[i];
        if (c.result)
            continue;
        const auto record = world_->record(c.id);
        c.result = answer_of(c, record);
        c.given_again = c.given_again || record.at("sent").to_number<int>() > 1;
        open += !c.result;
    }
    while (known_ < commands_.size() && commands_[known_].result)
        ++known_;
    return open;
}

json::object lab::newest_session()
{
    const auto agents = world_->cloud().get("/agents");
    for (const auto& a : agents.as_array()) {
        const auto& session = a.as_object();
        const auto* hello = session.at("hello").if_object();
        if (!hello || (!agent_.empty() && text_of(hello->at("agent").as_object(), "id") != agent_))
            continue;
        return session.at("connected").as_bool() && session.at("welcomed").as_bool() ? session
                                                                                     : json::object();
    }
    return {};
}

bool lab::connected()
{
    const auto session = text_of(newest_session(), "session");
    return !session.empty() && session != last_session_;
}

std::string lab::store_id()
{
    const auto session = newest_session();
    return session.empty() ? std::string()
                           : text_of(session.at("hello").as_object().at("store").as_object(), "id");
}

// What was sent and not accepted: it may have got lost with the link that carried it.
void lab::send_lost()
{
    for (auto i = known_; i < commands_.size(); ++i)
        if (!commands_[i].result && text_of(world_->record(commands_[i].id), "state") == "sent")
            send_again(commands_[i].id);
}

bool lab::heal(milliseconds limit, const std::function<void()>& also)
{
    using clock = std::chrono::steady_clock;
    note("heal");
    const auto until = clock::now() + limit * test::slowness();
    auto connected_since = clock::now();
    std::string session;
    while (learn() > 0) {
        if (clock::now() > until)
            return false;
        revive();
        if (also)
            also();
        if (const auto newest = text_of(newest_session(), "session"); newest != session) {
            session = newest;
            connected_since = clock::now();
        } else if (clock::now() - connected_since > lost_after * test::slowness()) {
            send_lost();
            connected_since = clock::now() + 1s; // each gets time to be answered
        }
        std::this_thread::sleep_for(between_looks);
    }
    revive();
    return true;
}

// ---- verdicts ----

std::vector<std::string> lab::verdict(std::size_t stores, const std::vector<fs::path>& others)
{
    std::vector<std::string> wrong;
    std::swap(wrong, bad_ends_);
    suspects_.clear();
    judge_store(wrong, world_->data_folder());
    for (const auto& folder : others)
        judge_store(wrong, folder);
    judge_cloud(wrong, stores);
    judge_events(wrong);
    return wrong;
}

void lab::judge_events(std::vector<std::string>& wrong)
{
    std::map<std::string, std::vector<asked>> by_event;
    std::set<std::string> mailboxes;
    for (const auto& c : commands_) {
        if (c.event_id.empty()) {
            if (!c.result)
                wrong.push_back(c.id + " (" + c.op + ") has no result");
            continue;
        }
        by_event[c.event_id].push_back(c);
        mailboxes.insert(c.mailbox);
    }
    const auto book = world_->exchange().get("/ledger").as_object();
    std::map<std::string, evidence> all;
    for (const auto& w : book.at("writes").as_array())
        all[text_of(w.as_object(), "event_id")].writes.push_back(w);
    for (const auto& n : book.at("notifications").as_array())
        all[text_of(n.as_object(), "event_id")].notifications.push_back(n);
    for (const auto& h : book.at("by_hand").as_array())
        all[text_of(h.as_object(), "event_id")].hands.push_back(h);
    const auto news = world_->cloud().get("/events");
    for (const auto& e : news.as_array())
        if (text_of(e.as_object(), "event") == "event.changed")
            all[text_of(e.as_object().at("data").as_object(), "event_id")].told.push_back(e);
    for (const auto& mailbox : mailboxes) {
        const auto items = world_->exchange().get("/mailboxes/" + mailbox + "/items");
        for (const auto& i : items.as_array())
            all[text_of(i.as_object().at("properties").as_object(), "WorkestraEventId")].items.push_back(i);
    }
    for (const auto& [event_id, unused] : by_event)
        all.try_emplace(event_id);
    for (auto& [event_id, e] : all)
        e.lost = lost_;
    for (const auto& [event_id, e] : all) {
        const auto sentences = judge_event(by_event[event_id], e);
        if (!sentences.empty())
            suspects_.push_back(event_id);
        for (const auto& s : sentences)
            wrong.push_back(event_id + ": " + s);
    }
}

void lab::judge_cloud(std::vector<std::string>& wrong, std::size_t stores)
{
    for (const auto& v : world_->violations())
        wrong.push_back("against the protocol: " + json::serialize(v));
    const auto book = world_->cloud().get("/ledger").as_object();
    const auto& known = book.at("stores").as_array();
    if (known.size() > stores)
        wrong.push_back("the cloud knows " + std::to_string(known.size()) + " stores");
    for (const auto& s : known)
        if (!s.as_object().at("gaps").as_array().empty())
            wrong.push_back("numbers are missing: " + json::serialize(s));
}

// Once everything is answered and acknowledged the agent owes nothing.
void lab::judge_store(std::vector<std::string>& wrong, const fs::path& folder)
{
    const auto file = folder / "queue.db";
    std::int64_t commands = 0, messages = 0;
    const auto empty = [&] {
        commands = count_in_queue(file, "SELECT count(*) FROM commands WHERE acknowledged = 0");
        messages = count_in_queue(file, "SELECT count(*) FROM outbox");
        return commands == 0 && messages == 0;
    };
    if (!test::eventually(empty, 5s))
        wrong.push_back("the store still holds " + std::to_string(commands) + " commands and " +
                        std::to_string(messages) + " messages");
}

void lab::note(std::string what)
{
    happened_.push_back({now(), std::move(what)});
}

std::string lab::timeline()
{
    auto all = happened_;
    const auto book = world_->exchange().get("/ledger").as_object();
    const std::set<std::string> wanted(suspects_.begin(), suspects_.end());
    std::set<std::string> ids;
    for (const auto& c : commands_)
        if (wanted.contains(c.event_id) || !c.result)
            ids.insert(c.id);
    // Of the commands only those of the events that are wrong; everything that was done to the agent.
    std::erase_if(all, [&](const happened& h) {
        const bool about_command =
            h.what.starts_with("ask ") || h.what.starts_with("send again ") || h.what.starts_with("cancel ");
        return about_command && std::ranges::none_of(ids, [&](const auto& id) {
                   const auto at = h.what.find(id);
                   return at != h.what.npos &&
                          (at + id.size() == h.what.size() || h.what[at + id.size()] == '"');
               });
    });
    for (const auto* list : {"writes", "notifications", "by_hand"})
        for (const auto& entry : book.at(list).as_array())
            if (wanted.contains(text_of(entry.as_object(), "event_id")))
                if (const auto at = parse_rfc3339(text_of(entry.as_object(), "at")))
                    all.push_back({*at, std::string("Exchange: ") + json::serialize(entry)});
    for (const auto& id : ids) {
        const auto record = world_->record(id);
        for (const auto* when : {"queued_at", "finished_at"})
            if (const auto at = parse_rfc3339(text_of(record, when)))
                all.push_back({*at, std::string("cloud, ") + when + ": " + json::serialize(record)});
    }
    std::ranges::stable_sort(all, {}, &happened::at);
    std::string out;
    for (const auto& h : all)
        out += format_rfc3339(h.at) + ' ' + h.what + '\n';
    return out;
}

fs::path lab::keep()
{
    auto kept = fs::path(world_->folder().string() + "-kept");
    for (const auto& entry : fs::recursive_directory_iterator(world_->folder()))
        if (entry.is_socket())
            fs::remove(entry.path()); // of agents that were killed: sockets do not copy
    fs::copy(world_->folder(), kept, fs::copy_options::recursive);
    return kept;
}

} // namespace relay::chaos
