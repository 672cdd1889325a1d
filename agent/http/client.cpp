#include "agent/http/client.hpp"

#include "agent/http/account.hpp"
#include "agent/http/blocking_executor.hpp"
#include "agent/http/cause.hpp"
#include "agent/http/endpoint.hpp"
#include "agent/http/job.hpp"
#include "agent/http/wait_list.hpp"
#include "common/secret/flaw.hpp"

#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <deque>
#include <list>
#include <optional>
#include <vector>

namespace relay::http {
namespace {

constexpr int most_turned_back =
    6; // each time somebody else's attempt is waited for, or our own proof was made

failed cancelled()
{
    return {asio::error::operation_aborted, reached::nothing, "cancelled"};
}

response refused()
{
    response r;
    r.status = 401;
    r.refused_sign_in = true;
    return r;
}

signin::credentials_travel travel_of(auth_scheme a)
{
    using enum signin::credentials_travel;
    return a == auth_scheme::basic ? with_each_request : with_each_connection;
}

} // namespace

class client::state : public std::enable_shared_from_this<state> {
public:
    state(client_settings settings, time_source& time, std::shared_ptr<spdlog::logger> log, groundwork first)
        : settings_(std::move(settings)),
          time_(time),
          log_(std::move(log)),
          parsed_(parse_endpoint(settings_.url,
                                 settings_.allow_plaintext ? plaintext::allowed : plaintext::refused)),
          server_(parsed_.has_value() ? *parsed_ : endpoint{}),
          trust_(settings_.ca_file, settings_.certificate_sha256, blocking_, std::move(first.believed)),
          account_(settings_, server_, blocking_, log_),
          gate_(travel_of(settings_.auth))
    {
        account_.credentials_changed(std::move(first.password));
    }

    task<outcome> perform(std::shared_ptr<state> self, request r);
    void credentials_changed(signin::credentials::password fresh);
    bool stands_on(const groundwork& fresh) const;
    void machine_slept();
    usage now() const;
    void stop();

private:
    struct lease;
    struct own_connection;
    struct settling;
    struct recalling;

    task<outcome> attempt(request r);
    task<outcome> stream(request r);
    task<outcome> carry(signed_connection& c, request r);
    task<boost::system::result<signed_connection*, failed>> acquire();
    task<bool> recall_refusal(duration limit);
    task<std::optional<outcome>> pass_gate(job& j);
    void release(signed_connection& c);
    void close_idle_later(const asio::any_io_executor& executor);
    void close(const signed_connection* c);
    void settle(job& j, signin::verdict v);
    std::optional<failed> unfit() const;

    // A connection that nobody uses, and since when.
    struct resting {
        signed_connection* which;
        steady_time since;
    };

    const client_settings settings_;
    time_source& time_;
    const std::shared_ptr<spdlog::logger> log_;
    const result<endpoint> parsed_;
    const endpoint server_;
    blocking_executor blocking_;
    trust trust_;
    address_memory addresses_;
    account account_;
    std::vector<std::unique_ptr<signed_connection>> connections_;
    std::list<signed_connection*> streams_;
    std::deque<resting> idle_; // the most recently used is last: it is warm, and the first may become too old
    std::optional<asio::steady_timer> close_idle_; // set while it waits
    std::uint64_t opened_before_ = 0;              // by connections that are gone
    wait_list<signed_connection*> for_connection_;
    signin::sign_in_gate gate_;
    wait_list<std::optional<failed>> at_gate_;
    bool recalled_ = false;     // gate_ knows of a refusal that was kept
    bool recalling_ = false;    // somebody is finding out
    std::uint64_t changes_ = 0; // of the credentials
    wait_list<bool> for_recollection_;
    bool stopped_ = false;
};

// Gives the connection back when the request is over, however it ends.
struct client::state::lease {
    state& owner;
    signed_connection& held;
    ~lease() { owner.release(held); }
};

// The connection of one stream, known to stop() as long as it lives.
struct client::state::own_connection {
    own_connection(state& s, const asio::any_io_executor& executor)
        : owner(s),
          held(executor, s.server_, s.trust_, s.addresses_, s.settings_.limits, s.settings_.user_agent,
               s.time_),
          place(s.streams_.insert(s.streams_.end(), &held))
    {
    }
    ~own_connection()
    {
        owner.opened_before_ += held.wire.opened();
        owner.streams_.erase(place);
    }
    own_connection(const own_connection&) = delete;
    own_connection& operator=(const own_connection&) = delete;

    state& owner;
    signed_connection held;
    std::list<signed_connection*>::iterator place;
};

// An attempt that ends without a verdict has one all the same: nobody knows.
struct client::state::settling {
    state& owner;
    job& j;
    ~settling() { owner.settle(j, signin::verdict::unknown); }
};

struct client::state::recalling {
    explicit recalling(state& s) : owner(s) { owner.recalling_ = true; }
    ~recalling()
    {
        owner.recalling_ = false;
        owner.for_recollection_.wake_all(true);
    }
    recalling(const recalling&) = delete;
    recalling& operator=(const recalling&) = delete;

    state& owner;
};

std::optional<failed> client::state::unfit() const
{
    if (stopped_)
        return cancelled();
    if (!parsed_.has_value())
        return failed{cause::bad_settings, reached::nothing, "exchange.url is not an https:// address"};
    if (!server_.tls && settings_.auth == auth_scheme::basic)
        return failed{cause::bad_settings, reached::nothing, "Basic is never sent over http://"};
    return std::nullopt;
}

task<outcome> client::state::perform(std::shared_ptr<state>, request r)
{
    try {
        co_return co_await attempt(std::move(r));
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted) // cancelled where nothing was under way
            co_return cancelled();
        co_return failed{cause::bad_settings, reached::sent,
                         fmt::format("a fault in the transport: {}", e.what())};
    } catch (const std::exception& e) {
        co_return failed{cause::bad_settings, reached::sent,
                         fmt::format("a fault in the transport: {}", e.what())};
    }
}

task<outcome> client::state::attempt(request r)
{
    if (auto trouble = unfit())
        co_return *std::move(trouble);
    if (r.streaming)
        co_return co_await stream(std::move(r));
    auto granted = co_await acquire();
    if (!granted.has_value())
        co_return granted.error();
    signed_connection& c = **granted;
    const lease giving_back{*this, c};
    co_return co_await carry(c, std::move(r));
}

namespace {

// Notes when something came.
class listening final : public body_sink {
public:
    listening(body_sink& to, steady_time now) : last(now), to_(to) {}
    bool take(std::string_view piece) noexcept override
    {
        last = std::chrono::steady_clock::now();
        return to_.take(piece);
    }

    steady_time last;

private:
    body_sink& to_;
};

// Until nothing has come for `silence`. False where the waiting coroutine was cancelled.
task<bool> fell_silent(const listening& sink, duration silence)
{
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (;;) {
        timer.expires_at(sink.last + silence);
        const auto [ec] = co_await timer.async_wait(use_tuple);
        if (ec)
            co_return false;
        if (std::chrono::steady_clock::now() - sink.last >= silence)
            co_return true;
    }
}

} // namespace

task<outcome> client::state::stream(request r)
{
    using namespace asio::experimental::awaitable_operators;
    const auto executor = co_await asio::this_coro::executor;
    own_connection own(*this, executor);
    const auto silence = r.streaming->silence;
    listening sink(*r.streaming->to, std::chrono::steady_clock::now());
    r.streaming->to = &sink;
    auto first = co_await (carry(own.held, std::move(r)) || fell_silent(sink, silence));
    if (auto* ended = std::get_if<0>(&first))
        co_return std::move(*ended);
    if (!std::get<1>(first))
        co_return failed{asio::error::operation_aborted, reached::sent, "cancelled"};
    co_return failed{cause::timed_out, reached::sent,
                     fmt::format("{} has sent nothing for {} ms", server_.name,
                                 std::chrono::duration_cast<milliseconds>(silence).count())};
}

task<outcome> client::state::carry(signed_connection& c, request r)
{
    job j;
    j.what = std::move(r);
    j.on_status = [this, &j](int status) { // others may wait for just that
        if (verdict_of(status) == signin::verdict::accepted)
            settle(j, signin::verdict::accepted);
    };
    j.may_start = [this, &j] { return gate_.start(j.ticket, time_.now()); };
    j.on_refused = [this, &j] { gate_.refused_once(j.ticket); };
    const settling on_exit{*this, j};
    int turned_back = 0;
    const bool known = co_await recall_refusal(j.what.limit);
    if (!known)
        co_return cancelled();
    // Basic asks the gate for every request; the others once it turns out that the connection is not signed in. The
    // second round is the last: who may sign in does not ask for it.
    // And all ask while the account is refused, though a signed-in connection might still work.
    for (bool ask = settings_.auth == auth_scheme::basic || gate_.refused();; ask = true) {
        if (ask) {
            if (auto ended = co_await pass_gate(j))
                co_return *std::move(ended);
        }
        j.deadline = std::chrono::steady_clock::now() + j.what.limit;
        co_await account_.carry_out(c, j);
        if (j.turned_back) {
            settle(j, j.verdict);
            j.may_sign_in = false;
            if (++turned_back < most_turned_back)
                continue;
            co_return failed{cause::sign_in_failed, reached::nothing, "others are being signed in"};
        }
        if (j.may_sign_in && j.verdict == signin::verdict::refused)
            co_await account_.note_refusal(time_.utc_now());
        if (j.may_sign_in && j.verdict == signin::verdict::accepted)
            co_await account_.forget_refusal();
        if (j.may_sign_in)
            settle(j, j.verdict);
        if (!j.needs_sign_in || j.may_sign_in)
            co_return std::move(j.result);
    }
}

task<boost::system::result<signed_connection*, failed>> client::state::acquire()
{
    if (!idle_.empty()) {
        auto* const c = idle_.back().which;
        idle_.pop_back();
        co_return c;
    }
    if (connections_.size() < std::max<std::size_t>(1, settings_.max_connections)) {
        const auto executor = co_await asio::this_coro::executor;
        connections_.push_back(std::make_unique<signed_connection>(
            executor, server_, trust_, addresses_, settings_.limits, settings_.user_agent, time_));
        co_return connections_.back().get();
    }
    if (for_connection_.size() >= settings_.max_waiting)
        co_return failed{cause::queue_full, reached::nothing,
                         "too many requests to Exchange wait for a connection"};
    const auto got = co_await for_connection_.wait();
    if (!got)
        co_return cancelled();
    co_return *got;
}

void client::state::release(signed_connection& c)
{
    if (stopped_) {
        close(&c);
    } else if (!for_connection_.wake_first(&c)) {
        idle_.push_back({&c, std::chrono::steady_clock::now()});
        close_idle_later(c.executor);
    }
}

// One timer for all: it is left alone while connections come and go, and looks at the oldest idle one when it ends.
void client::state::close_idle_later(const asio::any_io_executor& executor)
{
    if (close_idle_ || idle_.empty())
        return;
    close_idle_.emplace(executor, idle_.front().since + settings_.idle);
    close_idle_->async_wait([executor, weak = weak_from_this()](const error_code& ec) {
        const auto self = weak.lock();
        if (ec || !self || self->stopped_)
            return;
        self->close_idle_.reset();
        const auto too_old = std::chrono::steady_clock::now() - self->settings_.idle;
        while (!self->idle_.empty() && self->idle_.front().since <= too_old) {
            const auto* const c = self->idle_.front().which;
            self->idle_.pop_front();
            self->close(c);
        }
        self->close_idle_later(executor);
    });
}

void client::state::close(const signed_connection* c)
{
    opened_before_ += c->wire.opened();
    std::erase_if(connections_, [c](const auto& one) { return one.get() == c; });
}

// Has the gate know of a refusal from before the last start or change of the credentials. False where the coroutine was
// cancelled.
task<bool> client::state::recall_refusal(duration limit)
{
    while (!recalled_) {
        if (recalling_) {
            const auto woken = co_await for_recollection_.wait();
            if (!woken)
                co_return false;
            continue;
        }
        const recalling now_us(*this);
        const auto changes = changes_;
        const auto found = co_await account_.recall_refusal(std::chrono::steady_clock::now() + limit);
        if (changes != changes_)
            continue;
        if (!found.certain)
            co_return true; // the sign-in meets the same trouble, and tells of it
        recalled_ = true;
        if (!found.since)
            continue;
        const auto left = std::clamp<duration>(*found.since + signin::probe_interval - time_.utc_now(),
                                               duration::zero(), signin::probe_interval);
        gate_.recall_refusal(time_.now() + left);
        if (log_)
            log_->warn(
                "Exchange at {} refused the service account with these credentials before; next try in {} "
                "s, or when they change",
                server_.name, std::chrono::ceil<std::chrono::seconds>(left).count());
    }
    co_return true;
}

// Nothing where `j` may sign in now, else how it ends.
task<std::optional<outcome>> client::state::pass_gate(job& j)
{
    for (;;) {
        const bool known = co_await recall_refusal(j.what.limit);
        if (!known)
            co_return outcome(cancelled());
        const auto decision = gate_.ask(time_.now());
        switch (decision.what) {
        case signin::sign_in_gate::answer::go:
        case signin::sign_in_gate::answer::probe:
            j.may_sign_in = true;
            j.probe = decision.what == signin::sign_in_gate::answer::probe;
            j.ticket = decision.number;
            j.prove_first = decision.doubtful;
            if (j.probe) // first, as whoever dies of the try must not make another one at its next start
                co_await account_.note_refusal(time_.utc_now());
            co_return std::nullopt;
        case signin::sign_in_gate::answer::refuse:
            co_return outcome(refused());
        case signin::sign_in_gate::answer::wait:
            break;
        }
        const auto woken = co_await at_gate_.wait_until(time_, gate_.look_again());
        if (!woken)
            co_return outcome(cancelled());
        if (*woken)
            co_return outcome(**woken); // who was to try for all of us did not get through
    }
}

void client::state::settle(job& j, signin::verdict v)
{
    const bool refused_before = gate_.refused();
    if (v == signin::verdict::unknown && !j.shown)
        v = signin::verdict::untried;
    if (!gate_.settle(j.ticket, v, time_.now()))
        return;
    if (log_ && gate_.refused() && !refused_before)
        log_->debug("Exchange at {} refuses the service account; next try in 5 minutes, or when the "
                    "credentials change",
                    server_.name);
    if (log_ && !gate_.refused() && refused_before)
        log_->debug("Exchange at {} takes the service account again", server_.name);

    // Those who waited would meet the same trouble one after the other, a timeout each. But not where it was only ours.
    std::optional<failed> inherited;
    if (v != signin::verdict::accepted && v != signin::verdict::refused && j.result.has_error())
        if (auto why = j.result.error();
            why.code != asio::error::operation_aborted && why.code != cause::too_late)
            inherited = failed{why.code, reached::nothing, std::move(why.message)};
    at_gate_.wake_all(inherited);
}

void client::state::credentials_changed(signin::credentials::password fresh)
{
    account_.credentials_changed(std::move(fresh));
    gate_.credentials_changed();
    recalled_ = false; // they may be the same
    ++changes_;
    at_gate_.wake_all(std::nullopt);
}

void client::state::machine_slept()
{
    for (const auto& one : idle_)
        close(one.which);
    idle_.clear();
    for (const auto& c : connections_)
        c->wire.cut();
    for (auto* c : streams_)
        c->wire.cut();
}

bool client::state::stands_on(const groundwork& fresh) const
{
    const auto known = account_.password();
    const bool same_password =
        fresh.password && known ? *fresh.password == *known : settings_.username.empty();
    return same_password && (!server_.tls || trust_.same_as(fresh.believed));
}

usage client::state::now() const
{
    usage u{.in_flight = connections_.size() - idle_.size(),
            .waiting = for_connection_.size(),
            .streams = streams_.size(),
            .opened = opened_before_,
            .refused = account_.refused(),
            .account_refused = gate_.refused()};
    for (const auto& c : connections_)
        u.opened += c->wire.opened();
    for (const auto* c : streams_)
        u.opened += c->wire.opened();
    return u;
}

void client::state::stop()
{
    stopped_ = true;
    close_idle_.reset();
    for (const auto& one : idle_)
        close(one.which);
    idle_.clear();
    for (const auto& c : connections_)
        c->wire.cancel();
    for (auto* c : streams_)
        c->wire.cancel();
    for_connection_.cancel_all();
    at_gate_.cancel_all();
    for_recollection_.cancel_all();
    blocking_.stop();
}

boost::system::result<groundwork, failed> lay_groundwork(const client_settings& settings)
{
    groundwork made;
    if (!settings.username.empty()) {
        auto password = settings.password ? settings.password() : result<secret>(secret());
        if (password.has_error())
            return failed{errc::bad_credentials_source, reached::nothing,
                          trouble_with("the password", password.error())};
        made.password = std::make_shared<const secret>(std::move(*password));
    }
    const auto server = parse_endpoint(settings.url, plaintext::allowed);
    if (server.has_value() && !server->tls)
        return made;
    auto believed = read_authorities(settings.ca_file);
    if (believed.has_error())
        return believed.error();
    made.believed = *std::move(believed);
    return made;
}

client::client(client_settings settings, time_source& time, std::shared_ptr<spdlog::logger> log,
               groundwork first)
    : state_(std::make_shared<state>(std::move(settings), time, std::move(log), std::move(first)))
{
}

client::~client()
{
    state_->stop();
}

task<outcome> client::perform(request r)
{
    return state_->perform(state_, std::move(r));
}

void client::credentials_changed(std::shared_ptr<const secret> fresh)
{
    state_->credentials_changed(std::move(fresh));
}

bool client::stands_on(const groundwork& fresh) const
{
    return state_->stands_on(fresh);
}

void client::machine_slept()
{
    state_->machine_slept();
}

usage client::now() const
{
    return state_->now();
}

} // namespace relay::http
