#include "agent/http/client.hpp"

#include "agent/http/account.hpp"
#include "agent/http/cause.hpp"
#include "agent/http/endpoint.hpp"
#include "agent/http/slot.hpp"
#include "agent/http/wait_list.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <spdlog/logger.h>

#include <map>
#include <optional>
#include <vector>

namespace relay::http {
namespace {

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

// Resumes a coroutine on its own executor, which it keeps from running dry meanwhile.
template <class Handler>
class resumption final : public completion {
public:
    explicit resumption(Handler handler)
        : handler_(std::move(handler)),
          executor_(asio::prefer(asio::get_associated_executor(handler_), asio::execution::outstanding_work.tracked))
    {
    }
    void post() override
    {
        const auto executor = executor_;
        asio::post(executor, [handler = std::move(handler_)]() mutable {
            asio::get_associated_cancellation_slot(handler).clear();
            std::move(handler)();
        });
    }

private:
    using tracked = std::decay_t<decltype(asio::prefer(std::declval<asio::associated_executor_t<Handler>>(),
                                                       asio::execution::outstanding_work.tracked))>;
    Handler handler_;
    tracked executor_;
};

// Lets a slot carry `j` out. Cancelling ends the request; `j` is complete either way.
task<void> carry_out(slot& s, job& j)
{
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [&s, &j](auto handler) {
            auto cancellation = asio::get_associated_cancellation_slot(handler);
            if (cancellation.is_connected())
                cancellation.assign([&s, &j](asio::cancellation_type) { s.cancel(j); });
            j.done = std::make_unique<resumption<decltype(handler)>>(std::move(handler));
            s.start(j);
        },
        asio::use_awaitable);
}

signin::credentials_travel travel_of(auth_scheme a)
{
    using enum signin::credentials_travel;
    return a == auth_scheme::basic ? with_each_request : with_each_connection;
}

} // namespace

class client::state : public std::enable_shared_from_this<state> {
public:
    state(client_settings settings, time_source& time, std::shared_ptr<spdlog::logger> log)
        : settings_(std::move(settings)), time_(time), log_(std::move(log)),
          parsed_(parse_endpoint(settings_.url, settings_.allow_plaintext ? plaintext::allowed : plaintext::refused)),
          server_(parsed_.has_value() ? *parsed_ : endpoint{}), trust_(settings_.ca_file, settings_.certificate_sha256),
          account_(settings_, server_, log_), gate_(travel_of(settings_.auth))
    {
    }

    task<outcome> perform(std::shared_ptr<state> self, request r);
    void credentials_changed();
    usage now() const;
    void stop();

private:
    struct lease;
    struct attempt;

    task<boost::system::result<slot*, failed>> acquire();
    task<std::optional<outcome>> pass_gate(job& j);
    void release(slot& s);
    void settle(job& j, signin::verdict v);
    bool settle_accepted();
    std::optional<failed> unfit() const;

    const client_settings settings_;
    time_source& time_;
    const std::shared_ptr<spdlog::logger> log_;
    const result<endpoint> parsed_;
    const endpoint server_;
    trust trust_;
    account account_;

    // `slots_` is last but for the values below: its threads use everything above.
    std::vector<slot*> idle_; // the most recently used is last, its connection warm
    wait_list<slot*> for_slot_;
    signin::sign_in_gate gate_;
    std::map<signin::sign_in_gate::ticket, job*> attempts_; // that the gate let through and that have no verdict
    wait_list<std::optional<failed>> at_gate_;
    std::function<void(signin::sign_in_gate::ticket)> verdict_known_;
    bool stopped_ = false;
    std::vector<std::unique_ptr<slot>> slots_;
};

// Gives the slot back when the request is over, however it ends.
struct client::state::lease {
    state& owner;
    slot& held;
    ~lease() { owner.release(held); }
};

// An attempt that ends without a verdict has one all the same: nobody knows.
struct client::state::attempt {
    state& owner;
    job& j;
    ~attempt() { owner.settle(j, signin::verdict::unknown); }
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
    if (auto trouble = unfit())
        co_return *std::move(trouble);
    auto granted = co_await acquire();
    if (!granted.has_value())
        co_return granted.error();
    slot& s = **granted;
    const lease giving_back{*this, s};

    job j;
    j.what = std::move(r);
    if (!verdict_known_) {
        const auto executor = co_await asio::this_coro::executor;
        verdict_known_ = [executor, weak = weak_from_this()](signin::sign_in_gate::ticket) {
            asio::post(executor, [weak] {
                if (const auto self = weak.lock())
                    self->settle_accepted();
            });
        };
    }
    j.verdict_known = &verdict_known_;
    const attempt settling{*this, j};
    // Basic asks the gate for every request; the others once the slot finds that it has no signed-in connection. The
    // second round is the last: a slot that may sign in does not ask for it.
    // And all ask while the account is refused, though a signed-in connection might still work.
    for (bool ask = settings_.auth == auth_scheme::basic || gate_.refused();; ask = true) {
        if (ask) {
            if (auto ended = co_await pass_gate(j))
                co_return *std::move(ended);
        }
        j.deadline = std::chrono::steady_clock::now() + j.what.limit;
        co_await carry_out(s, j);
        if (j.may_sign_in)
            settle(j, j.verdict);
        if (!j.needs_sign_in || j.may_sign_in)
            co_return std::move(j.result);
    }
}

task<boost::system::result<slot*, failed>> client::state::acquire()
{
    if (!idle_.empty()) {
        slot* const s = idle_.back();
        idle_.pop_back();
        co_return s;
    }
    if (slots_.size() < std::max<std::size_t>(1, settings_.max_connections)) {
        slots_.push_back(std::make_unique<slot>(surroundings{server_, trust_, settings_, account_}));
        co_return slots_.back().get();
    }
    if (for_slot_.size() >= settings_.max_waiting)
        co_return failed{cause::queue_full, reached::nothing, "too many requests to Exchange wait for a connection"};
    const auto got = co_await for_slot_.wait();
    if (!got)
        co_return cancelled();
    co_return *got;
}

void client::state::release(slot& s)
{
    if (!stopped_ && !for_slot_.wake_first(&s))
        idle_.push_back(&s);
}

// Nothing where `j` may sign in now, else how it ends.
task<std::optional<outcome>> client::state::pass_gate(job& j)
{
    for (;;) {
        const auto decision = gate_.ask(time_.now());
        switch (decision.what) {
        case signin::sign_in_gate::answer::go:
        case signin::sign_in_gate::answer::probe:
            j.may_sign_in = true;
            j.probe = decision.what == signin::sign_in_gate::answer::probe;
            j.ticket = decision.number;
            attempts_.emplace(j.ticket, &j);
            co_return std::nullopt;
        case signin::sign_in_gate::answer::refuse:
            co_return outcome(refused());
        case signin::sign_in_gate::answer::wait:
            break;
        }
        for (const auto& [number, other] : attempts_)
            other->watched = true;
        if (settle_accepted())
            continue;
        const auto woken = co_await at_gate_.wait_until(time_, gate_.look_again());
        if (!woken)
            co_return outcome(cancelled());
        if (*woken)
            co_return outcome(**woken); // who was to try for all of us did not get through
    }
}

// Takes the verdicts that are known though the answers are still coming. True where there was one.
bool client::state::settle_accepted()
{
    std::vector<job*> accepted;
    for (const auto& [number, j] : attempts_)
        if (j->accepted)
            accepted.push_back(j);
    for (auto* j : accepted)
        settle(*j, signin::verdict::accepted);
    return !accepted.empty();
}

void client::state::settle(job& j, signin::verdict v)
{
    if (attempts_.erase(j.ticket) == 0)
        return;
    const bool refused_before = gate_.refused();
    gate_.settle(j.ticket, v, time_.now());
    if (log_ && gate_.refused() && !refused_before)
        log_->warn("Exchange at {} refuses the service account; next try in 5 minutes, or when the credentials change",
                   server_.name);
    if (log_ && !gate_.refused() && refused_before)
        log_->info("Exchange at {} takes the service account again", server_.name);

    // Those who waited would meet the same trouble one after the other, a timeout each.
    std::optional<failed> inherited;
    if (v == signin::verdict::unknown && j.result.has_error())
        if (auto why = j.result.error(); why.code != asio::error::operation_aborted)
            inherited = failed{why.code, reached::nothing, std::move(why.message)};
    at_gate_.wake_all(inherited);
}

void client::state::credentials_changed()
{
    account_.credentials_changed();
    gate_.credentials_changed();
    attempts_.clear();
    at_gate_.wake_all(std::nullopt);
}

usage client::state::now() const
{
    usage u{.in_flight = slots_.size() - idle_.size(),
            .waiting = for_slot_.size(),
            .refused = account_.refused(),
            .account_refused = gate_.refused()};
    for (const auto& s : slots_)
        u.opened += s->opened();
    return u;
}

void client::state::stop()
{
    stopped_ = true;
    for (const auto& s : slots_)
        s->stop();
    for_slot_.cancel_all();
    at_gate_.cancel_all();
}

client::client(client_settings settings, time_source& time, std::shared_ptr<spdlog::logger> log)
    : state_(std::make_shared<state>(std::move(settings), time, std::move(log)))
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

void client::credentials_changed()
{
    state_->credentials_changed();
}

usage client::now() const
{
    return state_->now();
}

} // namespace relay::http
