#include "agent/app/agent.hpp"
#include "agent/commands/catalog.hpp"

#include "agent/app/admin_requests.hpp"
#include "agent/app/own_environment.hpp"
#include "agent/app/store_refusal.hpp"
#include "agent/app/version.hpp"
#include "agent/doctor/exchange_checks.hpp"
#include "agent/doctor/inside.hpp"
#include "agent/exchange_access/idle_probe.hpp"
#include "agent/policy/rules_of.hpp"
#include "agent/store/loop/retention.hpp"
#include "agent/store/writer/sqlite_queue_store.hpp"
#include "common/crash_point/crash_point.hpp"
#include "common/log/logger.hpp"
#include "common/log_event/log_event.hpp"
#include "common/platform/folder_mark.hpp"
#include "common/platform/process.hpp"
#include "common/text/repair.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <fmt/format.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <random>

namespace relay::app {
namespace {

constexpr int window = 64; // commands without a result that the agent takes at once
constexpr duration diagnose_limit = 10s;
constexpr duration longest_drain = 1h; // no sum of times overflows before stop() has said when it ends
constexpr duration disk_limit = 60s;   // for the few small files of a renewal or a reload

commands::limits limits_of(const config::exchange_settings& e)
{
    commands::limits l;
    l.request = e.timeout;
    l.settle = e.settle;
    l.most_requests = static_cast<std::size_t>(e.max_connections);
    l.parallel_parts = std::max(1, e.max_connections / 2); // one large question leaves room for others
    return l;
}

uplink::uplink_limits uplink_limits_of(const config::agent_settings& a)
{
    uplink::uplink_limits l;
    l.drain = a.drain_timeout;
    return l;
}

std::string damage_found(const std::filesystem::path& folder)
{
    return fmt::format("the queue in {} was found damaged while it was in use; the agent ends, and begins a "
                       "new queue when it is "
                       "started again",
                       folder.string());
}

std::string home_of(const std::filesystem::path& data_dir)
{
    const auto mark = platform::mark_of_folder(data_dir);
    return mark.has_value() ? *mark : std::string();
}

std::uint64_t random_seed()
{
    std::random_device source;
    return (static_cast<std::uint64_t>(source()) << 32) | source();
}

// By the clock of blocking_executor's timers: the agent's own is ahead of it once the machine has slept.
steady_time disk_deadline()
{
    return std::chrono::steady_clock::now() + disk_limit;
}

} // namespace

struct agent::opened {
    std::unique_ptr<store::queue_store> store;
    std::unique_ptr<uplink::tls_connector> connector;
    app::identity identity;
};

boost::system::result<std::unique_ptr<agent>, cannot_start>
agent::make(asio::io_context& context, config::settings settings, std::shared_ptr<spdlog::logger> log)
{
    opened o;
    auto identity = own_identity(settings.cloud);
    if (identity.has_error())
        return cannot_start{identity.error().message};
    o.identity = *std::move(identity);

    crash_point("start.open", crash_moment::before);
    store::sqlite_queue_store::settings kept;
    kept.folder = settings.agent.data_dir;
    kept.max_commands = settings.queue.max_commands;
    kept.history_bytes = std::int64_t{settings.queue.history_max_mb} << 20;
    kept.audit_bytes = std::int64_t{settings.audit.max_mb} << 20;
    auto store = store::sqlite_queue_store::open(std::move(kept), *log);
    if (store.has_error())
        return cannot_start{store_refusal(store.error(), settings.agent.data_dir)};
    crash_point("start.open", crash_moment::after);
    o.store = std::move(*store);
    return std::unique_ptr<agent>(new agent(context, std::move(settings), std::move(log), std::move(o)));
}

agent::agent(asio::io_context& context, config::settings settings, std::shared_ptr<spdlog::logger> log,
             opened o)
    : settings_(std::move(settings)),
      log_(std::move(log)),
      seed_(random_seed()),
      started_at_(time_.utc_now()),
      home_(home_of(settings_.agent.data_dir)),
      identity_(std::move(o.identity)),
      policy_(policy::rules_of(settings_.policy)),
      recorder_(time_, commands::catalog()),
      store_(std::move(o.store)),
      outbox_(context.get_executor(), *store_, time_, *log_),
      inbox_(
          context.get_executor(), *store_, outbox_, time_, commands::catalog(),
          [this](const protocol::command& c) { return admit(c); },
          store::inbox::limits{window, static_cast<std::size_t>(settings_.agent.memory_mb) << 20}, *log_),
      audit_(context.get_executor(), *store_, time_, *log_),
      queue_numbers_(context.get_executor(), *store_, time_),
      exchange_(settings_.exchange, settings_.agent.data_dir, time_, log_,
                [this](const ews::request_report& r) {
                    recorder_.request_ended(
                        r.operation, r.failure ? std::optional(r.failure->fault.code) : std::nullopt, r.took);
                }),
      dispatcher_(context.get_executor(),
                  {inbox_, outbox_, *store_, exchange_.exchange(), time_, policy_,
                   [this] { return diagnose(); }, *log_, *this},
                  limits_of(settings_.exchange), seed_),
      watcher_(context.get_executor(),
               {*store_, outbox_, exchange_.exchange(), dispatcher_.gate(), dispatcher_.line(),
                dispatcher_.quarantine(), time_, policy_, dispatcher_.recipients(), *log_},
               settings_.exchange.timeout),
      streams_(context.get_executor(),
               {exchange_.notifications(), dispatcher_.line(), time_,
                [this] { return dispatcher_.gate().is_closed(); }, *this, *log_, seed_ + 3, policy_}),
      event_watcher_(context.get_executor(),
                     {*store_, outbox_, exchange_.exchange(), dispatcher_.gate(), dispatcher_.line(), time_,
                      policy_, streams_, *this, *log_},
                     settings_.exchange.timeout),
      subscriptions_(context.get_executor(), {*store_, streams_, time_, event_watcher_, policy_},
                     settings_.exchange.streaming),
      connector_(std::make_unique<uplink::tls_connector>(context.get_executor(), time_)),
      uplink_(context.get_executor(), {*connector_, inbox_, outbox_, *store_, time_, *log_}, facts(),
              seed_ + 1, uplink_limits_of(settings_.agent)),
      renewal_connection_(time_, [this] { return dial_settings(settings_.cloud); }),
      renewal_(
          context.get_executor(),
          {time_, renewal_connection_, disk_work(), *log_,
           [this](const std::vector<enrolment::refused_ca>& refused) {
               std::vector<std::string> fingerprints;
               for (const auto& one : refused)
                   fingerprints.push_back(one.sha256);
               audit_.trust_changed(store::audit_log::trust::refused, fingerprints);
           }},
          renewal_facts(),
          [this](const tls::certificate_facts& facts, const enrolment::trust_files& trust) {
              use_renewed(facts, trust);
          },
          seed_ + 2),
      trust_watch_(context.get_executor(), settings_.agent.data_dir / "cloud-trust",
                   {audit_, *log_, disk_work(), [this] { return trust_of(settings_.cloud); }}),
      site_([this] { return snapshot(); }, recorder_),
      status_server_(context.get_executor(), site_, time_, *log_),
      admin_server_(
          context.get_executor(), settings_.agent.data_dir,
          [this](const admin::request& r) {
              return r.what == environment_request ? admin::answer{true, own_environment()}
                                                   : answer_admin_request(dispatcher_, r);
          },
          time_, *log_),
      parts_(context.get_executor())
{
    time_.on_jump([this](duration by) { machine_slept(by); });
    inbox_.on_refused([this](const protocol::ended_command& c) { command_ended(c); });
    status_server_.use(settings_.status.listen);
    store_->on_damage([this] { queue_damaged(); });
}

agent::~agent()
{
    time_.on_jump({});
    store_->on_damage({});
}

protocol::checked<protocol::operation_ptr> agent::admit(const protocol::command& c) const
{
    auto operation = commands::catalog().read(c);
    if (operation.has_error())
        return operation;
    if (const auto allowed = policy_.allows(c.op, **operation); allowed.has_error())
        return allowed.error();
    if (const auto* watch = (*operation)->new_watch())
        if (const auto room = watcher_.has_room(*watch); room.has_error())
            return room.error();
    // A write that cannot be stored is refused by the inbox.
    if (!audit_.works() && commands::catalog().class_of(c.op) == protocol::operation_class::read)
        return protocol::fault{
            protocol::fault_code::overloaded, "the audit cannot be written; the agent's log says why", {}};
    return operation;
}

void agent::command_ended(const protocol::ended_command& c)
{
    audit_.command_ended(c);
    if (c.how == protocol::ended_command::answer::result)
        recorder_.command_ended(c);
}

void agent::watches_changed()
{
    watcher_.changed();
    subscriptions_.changed();
}

void agent::event_settled(const mailbox_address& host, const std::optional<store::event_write>& w)
{
    w ? event_watcher_.wrote(host, *w) : event_watcher_.wake(host);
}

void agent::mailbox_changed(const mailbox_address& mailbox)
{
    watcher_.wake(mailbox);
    event_watcher_.wake(mailbox);
}

void agent::machine_slept(duration by)
{
    event::clock_jump.warn(
        *log_,
        "the machine slept, or its clock was set ahead, by {} ms: what is unfinished is looked up "
        "before it goes on",
        std::chrono::duration_cast<milliseconds>(by).count());
    exchange_.machine_slept();
}

// A broken file is not worked on. A request that Exchange is carrying out gets the time of a drain all the same: what it
// does has to be there when the command comes again and is looked up.
void agent::queue_damaged()
{
    queue_damaged_ = true;
    stop();
}

uplink::hello_facts agent::facts() const
{
    const auto host = platform::host_name();
    return {identity_.agent_id,
            settings_.agent.name.empty() ? host : to_utf8(settings_.agent.name),
            std::string(version()),
            std::string(platform::os_name()),
            host,
            policy_.operations(commands::catalog()),
            window};
}

task<status::snapshot> agent::snapshot()
{
    status::snapshot s;
    const auto queue = co_await queue_numbers_.now();
    const auto now = time_.utc_now();
    const auto us = facts();
    s.taken_at = now;
    s.agent = {us.agent_id, us.agent_name, us.agent_version, started_at_, home_};

    const auto& link = uplink_.status();
    const bool up = link.state == uplink::link_state::connected;
    s.link.state = uplink::name(link.state);
    s.link.since = link.since;
    s.link.url = link.url.empty() ? settings_.cloud.url : link.url;
    s.link.session = up ? link.session : std::string();
    s.link.last_error = link.last_error;
    s.link.reconnects = link.reconnects;
    s.link.rtt = up ? link.rtt : std::nullopt;

    const auto& gate = dispatcher_.gate();
    s.exchange.state = exchange_access::name(gate.state());
    s.exchange.since = gate.state() == exchange_access::server_state::unknown ? started_at_ : gate.since();
    if (const auto& version = exchange_.version()) {
        s.exchange.version = version->str();
        s.exchange.product = version->product();
    }
    s.exchange.last_error = gate.last_error();
    s.exchange.in_flight = exchange_.in_flight();

    if (queue) {
        status::snapshot::queue_part q{
            queue->unfinished, queue->unacked, {}, queue->bytes, queue->damaged_files};
        if (queue->oldest) // clocks are set: nothing waits for less than no time
            q.oldest = std::max(std::chrono::seconds(0),
                                std::chrono::floor<std::chrono::seconds>(now - *queue->oldest));
        s.queue = q;
    }
    s.watches = {watcher_.watches(), watcher_.mailboxes()};
    const auto losses = losses_of(*log_);
    s.log = {losses.lines, losses.trouble};
    const auto& certificate = identity_.certificate;
    s.certificate = {certificate.subject, certificate.not_after,
                     std::chrono::floor<std::chrono::days>(certificate.not_after - now).count(),
                     enrolment::renewal_schedule::overdue(certificate, now)};
    co_return s;
}

task<boost::json::object> agent::diagnose()
{
    doctor::progress p;
    const auto files = std::make_shared<doctor::report>();
    const std::function<void()> look = [files, s = settings_, now = time_.utc_now()] {
        *files = doctor::look_at_own_files(s, credentials(s.cloud), now);
    };
    const auto losses = losses_of(*log_);
    const auto off_loop = disk_work();
    const auto hung = co_await off_loop(look);
    p.end(hung.failed() ? doctor::report{doctor::not_tried("data_folder", "the disk does not answer")}
                        : *files);
    p.end(doctor::own_queue(co_await queue_numbers_.now()));
    p.end(doctor::own_log(losses.lines, losses.trouble));
    p.end(doctor::own_link(uplink_.status()));
    const auto account = co_await exchange_.exchange().resolve_account(diagnose_limit);
    const auto who = doctor::account_of(http_settings(settings_.exchange), exchange_.version());
    p.end(doctor::account_checks(account, who));
    co_return doctor::to_json(p.so_far());
}

task<void> agent::run()
{
    if (const auto loaded = connector_->load(dial_settings(settings_.cloud)); loaded.has_error())
        throw std::runtime_error(loaded.error().message);
    crash_point("start.recover", crash_moment::before);
    const auto recovered = co_await inbox_.recover();
    if (queue_damaged_)
        throw std::runtime_error(damage_found(settings_.agent.data_dir));
    if (recovered.has_error())
        throw std::runtime_error(store_refusal(recovered.error(), settings_.agent.data_dir));
    crash_point("start.recover", crash_moment::after);

    parts_.spawn(dispatcher_.run());
    parts_.spawn(watcher_.run());
    parts_.spawn(event_watcher_.run());
    parts_.spawn(streams_.run());
    parts_.spawn(subscriptions_.run());
    parts_.spawn(exchange_access::keep_asking(exchange_.exchange(), dispatcher_.gate(), time_));
    parts_.spawn(store::keep_history(*store_, outbox_.clock(), time_, settings_.queue.history, *log_));
    parts_.spawn(store::keep_audit(*store_, outbox_.clock(), time_, settings_.audit.retention, *log_));
    parts_.spawn(audit_.run());
    parts_.spawn(renewal_.run());
    parts_.spawn(trust_watch_.run());
    parts_.spawn(status_server_.run());
    parts_.spawn(admin_server_.run());
    parts_.spawn(serve());
    std::exception_ptr failure;
    try {
        co_await parts_.join();
    } catch (...) {
        failure = std::current_exception();
    }
    crash_point("stop.close", crash_moment::before);
    exchange_.close();
    co_await inbox_.stop();
    co_await outbox_.stop();
    co_await audit_.stop();
    crash_point("stop.close", crash_moment::after);
    if (failure)
        std::rethrow_exception(failure);
    if (queue_damaged_)
        throw std::runtime_error(damage_found(settings_.agent.data_dir));
}

// Where a renewal reads and writes: a disk may hang, and the loop must not.
enrolment::renewal::off_loop agent::disk_work()
{
    return [this](std::function<void()> work) -> task<error_code> {
        const auto carry_out = [work = std::move(work)] {
            work();
            return true;
        };
        const auto done = co_await blocking_.run(carry_out, disk_deadline());
        co_return done.has_error() ? done.error() : error_code();
    };
}

enrolment::renewal::in_use agent::renewal_facts() const
{
    const auto& c = settings_.cloud;
    return {enrolment::places_of(c.certificate_file, c.private_key_file, c.told_ca_file), trust_of(c),
            identity_.agent_id};
}

// The files are others now: the next link presents them, and this one ends as for a reload.
void agent::use_renewed(const tls::certificate_facts& facts, const enrolment::trust_files& trust)
{
    settings_.cloud.ca_file = trust.ca_file;
    settings_.cloud.told_ca_counts = !trust.told_ca_file.empty();
    trust_watch_.changed();
    if (const auto loaded = connector_->load(dial_settings(settings_.cloud)); loaded.has_error()) {
        event::certificate_not_renewed.error(
            *log_, "the renewed certificate cannot be used: {}; the old one stays in use",
            loaded.error().message);
        return;
    }
    identity_.certificate = facts;
    if (stop_by_ == steady_time::max()) // else the link that is draining is the last one
        uplink_.reconnect();
}

task<void> agent::serve()
{
    co_await uplink_.run();
    // Without a link the uplink returns at once; what is under way at Exchange still gets its time.
    using namespace asio::experimental::awaitable_operators;
    co_await (inbox_.until_empty() ||
              time_.sleep_for(std::min<duration>(stop_by_ - time_.now(), longest_drain)));
    parts_.stop();
}

void agent::stop()
{
    if (stop_by_ != steady_time::max())
        return;
    crash_point("stop.drain", crash_moment::before);
    stop_by_ = time_.now() + settings_.agent.drain_timeout;
    inbox_.close();
    dispatcher_.drain();
    watcher_.stop();
    event_watcher_.stop();
    uplink_.stop();
    crash_point("stop.drain", crash_moment::after);
}

void agent::force_stop()
{
    stop_by_ = time_.now();
    parts_.stop();
}

task<void> agent::reload_log(const config::log_settings& wanted, reloaded& told)
{
    std::string why;
    try {
        const auto open_it = [wanted] { return open_outlet(wanted); };
        auto outlet = co_await blocking_.run(open_it, disk_deadline());
        if (outlet.has_value()) {
            use_settings(*log_, wanted, *std::move(outlet));
            settings_.log = wanted;
            co_return;
        }
        why = "log.file: " + outlet.error().message();
    } catch (const std::runtime_error& e) {
        why = e.what();
    }
    told.refused.push_back(why + "; the old log stays in use");
}

task<void> agent::reload_cloud(const config::cloud_settings& wanted, reloaded& told)
{
    struct files {
        enrolment::outcome<identity> us;
        uplink::outcome<uplink::tls_connector::loaded_ptr> dialling;
    };
    if (!(wanted == settings_.cloud))
        told.notes.push_back("cloud: connects anew with the new settings");
    const auto read_them = [wanted] {
        auto us = own_identity(wanted); // first: it ends what an enrolment that died had begun
        return files{std::move(us), uplink::tls_connector::read(dial_settings(wanted))};
    };
    auto fresh = co_await blocking_.run(read_them, disk_deadline());
    if (fresh.has_error() || fresh->dialling.has_error()) {
        const auto why = fresh.has_error() ? fresh.error().message() : fresh->dialling.error().message;
        told.refused.push_back(fmt::format("cloud: {}; the old settings stay in use", why));
    } else {
        connector_->use(*std::move(fresh->dialling));
        if (fresh->us.has_value())
            identity_ = *std::move(fresh->us);
        settings_.cloud = wanted;
    }
    renewal_.use(renewal_facts());
    trust_watch_.changed();
}

// All of it or nothing: a password that cannot be read must not take the place of one that works.
task<void> agent::reload_exchange(const config::exchange_settings& wanted, reloaded& told)
{
    const auto read_it = [s = http_settings(wanted)] { return http::lay_groundwork(s); };
    auto fresh = co_await blocking_.run(read_it, disk_deadline());
    if (fresh.has_error() || fresh->has_error()) {
        const auto why = fresh.has_error() ? fresh.error().message() : fresh->error().message;
        told.refused.push_back(
            fmt::format("exchange: {}; the old settings, CA and password stay in use", why));
        co_return;
    }
    if (exchange_.apply(wanted, **std::move(fresh)))
        streams_.start_over();
    dispatcher_.set_limits(limits_of(wanted));
    watcher_.set_request_limit(wanted.timeout);
    event_watcher_.set_request_limit(wanted.timeout);
    subscriptions_.want(wanted.streaming);
    settings_.exchange = wanted;
}

task<agent::reloaded> agent::reload(config::settings wanted)
{
    reloaded told;
    // What restricts comes before what may take its time.
    policy_ = policy::policy(policy::rules_of(wanted.policy));
    settings_.policy = wanted.policy;
    dispatcher_.recipients().forget(); // so an administrator makes a change of the address book known
    settings_.agent.name = wanted.agent.name;
    settings_.agent.drain_timeout = wanted.agent.drain_timeout;
    status_server_.use(wanted.status.listen);
    settings_.status = wanted.status;
    co_await reload_log(wanted.log, told);
    co_await reload_cloud(wanted.cloud, told);
    co_await reload_exchange(wanted.exchange, told);
    if (stop_by_ != steady_time::max()) // asked to stop meanwhile
        co_return told;
    subscriptions_.changed(); // by what policy and exchange say now

    const auto at_next_start = [&](bool same, std::string_view key) {
        if (!same)
            told.notes.push_back(fmt::format("{}: takes effect at the next start", key));
    };
    at_next_start(wanted.agent.data_dir == settings_.agent.data_dir, "agent.data_dir");
    at_next_start(wanted.agent.memory_mb == settings_.agent.memory_mb, "agent.memory_mb");
    at_next_start(wanted.audit == settings_.audit, "audit");
    at_next_start(wanted.queue == settings_.queue, "queue");

    uplink_.introduce_as(facts());
    uplink_
        .reconnect(); // certificate files may be others under the same names, and hello tells what policy allows
    co_return told;
}

} // namespace relay::app
