#include "agent/watch/streams.hpp"
#include "tests/support/manual_time.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <random>
#include <sstream>

namespace relay::test {
namespace {

mailbox_address user(int n)
{
    return *mailbox_address::parse("user" + std::to_string(n) + "@corp.example");
}

std::vector<mailbox_address> users(int first, int last)
{
    std::vector<mailbox_address> all;
    for (int n = first; n <= last; ++n)
        all.push_back(user(n));
    return all;
}

ews::error said(std::string code, ews::retry_action retry_action = ews::retry_action::give_up)
{
    ews::error e;
    e.fault = {protocol::fault_code::exchange_error, "Exchange answered " + code, std::move(code)};
    e.retry_action = retry_action;
    return e;
}

ews::error nobody_answers()
{
    ews::error e;
    e.fault = {protocol::fault_code::exchange_unavailable, "nobody listens", {}};
    e.retry_action = ews::retry_action::retry;
    return e;
}

// An Exchange whose streams a test holds in its hands.
class scripted_notifications final : public ews::notifications {
public:
    struct stream {
        explicit stream(const asio::any_io_executor& executor) : woken(executor) {}

        void end(ews::outcome<void> how)
        {
            ended = std::move(how);
            woken.notify();
        }
        void change(const std::string& subscription)
        {
            ews::stream_message m;
            m.changed = {subscription};
            to(m);
        }
        void close()
        {
            ews::stream_message m;
            m.closed = true;
            to(m);
            end(ews::outcome<void>());
        }
        void lose(std::vector<std::string> subscriptions)
        {
            ews::stream_message m;
            m.lost = std::move(subscriptions);
            m.lost_code = "ErrorInvalidSubscription";
            to(m);
            end(ews::outcome<void>());
        }

        ews::affinity group{user(0), {}};
        std::vector<std::string> ids;
        std::function<void(const ews::stream_message&)> to;
        std::optional<ews::outcome<void>> ended;
        notifier woken;
        bool gone = false;
    };

    explicit scripted_notifications(asio::any_io_executor e) : executor_(std::move(e)) {}

    task<ews::outcome<ews::subscribed>> subscribe(mailbox_address mailbox, ews::affinity group,
                                                  duration) override
    {
        asked.push_back(mailbox.key());
        cookies.push_back(group.cookie);
        anchors.push_back(group.anchor.key());
        if (const auto found = refused.find(mailbox.key()); found != refused.end())
            co_return found->second;
        if (refuse_all)
            co_return *refuse_all;
        auto id = mailbox.key() + "#" + std::to_string(asked.size());
        of[id] = mailbox.key();
        co_return ews::subscribed{id, "cookie"};
    }

    task<ews::outcome<void>> listen(ews::affinity group, std::vector<std::string> subscriptions,
                                    std::chrono::minutes,
                                    std::function<void(const ews::stream_message&)> to) override
    {
        const auto s = std::make_shared<stream>(executor_);
        s->group = group;
        s->ids = std::move(subscriptions);
        s->to = to;
        streams.push_back(s);
        if (refuse_streams) {
            s->gone = true;
            co_return *refuse_streams;
        }
        to({});
        while (!s->ended) {
            const auto ec = co_await s->woken.wait();
            if (ec) {
                s->gone = true;
                co_return nobody_answers();
            }
        }
        s->gone = true;
        co_return *s->ended;
    }

    task<ews::outcome<void>> unsubscribe(ews::affinity, std::string subscription, duration) override
    {
        parted.push_back(subscription);
        if (hang) {
            notifier never(executor_);
            co_await never.wait();
        }
        co_return ews::outcome<void>();
    }

    // The streams that are read now.
    std::vector<std::shared_ptr<stream>> open() const
    {
        std::vector<std::shared_ptr<stream>> found;
        for (const auto& s : streams)
            if (!s->gone)
                found.push_back(s);
        return found;
    }

    std::vector<std::string> asked, cookies, anchors, parted;
    std::map<std::string, ews::error> refused;
    std::optional<ews::error> refuse_all, refuse_streams;
    std::map<std::string, std::string> of; // mailbox of each subscription
    std::vector<std::shared_ptr<stream>> streams;
    bool hang = false;

private:
    asio::any_io_executor executor_;
};

struct streams_fixture : watch::watch_listener {
    asio::io_context context;
    manual_time time{context};
    scripted_notifications server{context.get_executor()};
    std::ostringstream log_text;
    spdlog::logger log{"test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_text)};
    std::multiset<std::string> published;
    bool usable = true;
    policy::policy rules{policy::rules()};
    exchange_access::concurrency_limiter limiter{time, 10};
    watch::streams streams{context.get_executor(),
                           {server, limiter, time, [this] { return usable; }, *this, log, 1, rules}};
    asio::cancellation_signal until;
    bool over = false;

    void mailbox_changed(const mailbox_address& m) override { published.insert(m.key()); }
    void coverage_changed() override {}
    void tracked_mailboxes_changed() override {}

    streams_fixture()
    {
        asio::co_spawn(context, streams.run(),
                       asio::bind_cancellation_slot(until.slot(), [this](std::exception_ptr e) {
                           over = true;
                           if (e)
                               std::rethrow_exception(e);
                       }));
    }
    ~streams_fixture()
    {
        server.hang = false;
        stop();
        time.advance(10s);
    }

    void stop()
    {
        asio::post(context, [this] { until.emit(asio::cancellation_type::terminal); });
        time.settle();
    }
    std::string subscription_of(int n) const
    {
        std::string id;
        for (const auto& [subscription, mailbox] : server.of)
            if (mailbox == user(n).key())
                id = std::max(id, subscription);
        return id;
    }
    std::size_t warnings() const
    {
        const auto text = log_text.str();
        std::size_t count = 0;
        for (auto at = text.find("[warning]"); at != text.npos; at = text.find("[warning]", at + 1))
            ++count;
        return count;
    }
};

} // namespace

TEST_CASE_METHOD(streams_fixture, "a change is told of the mailbox that the subscription is of",
                 "[unit][watch]")
{
    streams.follow(users(1, 3));
    time.advance(2s);
    REQUIRE(server.open().size() == 1);
    CHECK(server.open().front()->ids.size() == 3);
    CHECK(streams.covered() == 3);
    CHECK(streams.covers(user(2)));
    CHECK_FALSE(streams.covers(user(4)));
    CHECK(published == std::multiset<std::string>{user(1).key(), user(2).key(),
                                                  user(3).key()}); // once each: what was before
    published.clear();

    server.open().front()->change(subscription_of(2));
    time.settle();
    CHECK(published == std::multiset<std::string>{user(2).key()});
    server.open().front()->change("unknown");
    time.settle();
    CHECK(published.size() == 1);
}

TEST_CASE_METHOD(streams_fixture, "the subscriptions of a group lie on the server that the first one names",
                 "[unit][watch]")
{
    streams.follow(users(1, 3));
    time.advance(2s);
    CHECK(server.anchors == std::vector<std::string>(3, user(1).key()));
    CHECK(server.cookies == std::vector<std::string>{"", "cookie", "cookie"});
    CHECK(server.open().front()->group.cookie == "cookie");
}

TEST_CASE_METHOD(streams_fixture, "a stream whose time is up is renewed, and nothing is taken for missed",
                 "[unit][watch]")
{
    streams.follow(users(1, 2));
    time.advance(29min);
    published.clear();
    const auto ids = server.open().front()->ids;
    server.open().front()->close();
    time.settle();
    REQUIRE(server.open().size() == 1);
    CHECK(server.open().front()->ids == ids);
    CHECK(streams.covered() == 2);
    CHECK(published.empty());
    CHECK(server.asked.size() == 2);
}

TEST_CASE_METHOD(streams_fixture, "a server that closes streams at once is not asked in a circle",
                 "[unit][watch]")
{
    streams.follow(users(1, 1));
    time.advance(1s);
    for (int i = 0; i < 600; ++i) {
        for (const auto& s : server.open())
            s->close();
        time.advance(1s);
    }
    CHECK(server.streams.size() < 60);
}

TEST_CASE_METHOD(streams_fixture, "after a cut the same subscriptions are read, and every mailbox is told",
                 "[unit][watch]")
{
    streams.follow(users(1, 2));
    time.advance(2min);
    published.clear();
    server.open().front()->end(nobody_answers());
    time.settle();
    CHECK(streams.covered() == 0);
    CHECK(published.empty());
    CHECK(server.open().empty());
    time.advance(5s);
    REQUIRE(server.open().size() == 1);
    CHECK(server.asked.size() == 2);
    CHECK(published == std::multiset<std::string>{user(1).key(), user(2).key()});
    CHECK(streams.covered() == 2);
    CHECK(warnings() == 1);
}

TEST_CASE_METHOD(streams_fixture, "a server that is away is asked with growing distances", "[unit][watch]")
{
    streams.follow(users(1, 1));
    time.advance(2s);
    server.refuse_streams = nobody_answers();
    server.streams.back()->end(nobody_answers());
    time.advance(1h);
    CHECK(server.streams.size() < 40);
    CHECK(server.streams.size() > 10);
    CHECK(warnings() == 1);
    CHECK(server.asked.size() == 1);
    server.refuse_streams.reset();
    time.advance(6min);
    CHECK(streams.covered() == 1);
}

TEST_CASE_METHOD(streams_fixture, "only the lost subscriptions are made anew", "[unit][watch]")
{
    streams.follow(users(1, 3));
    time.advance(2s);
    published.clear();
    const auto lost = subscription_of(2);
    server.open().front()->lose({lost});
    time.advance(5s);
    CHECK(server.asked ==
          std::vector<std::string>{user(1).key(), user(2).key(), user(3).key(), user(2).key()});
    REQUIRE(server.open().size() == 1);
    CHECK(server.open().front()->ids.size() == 3);
    CHECK(subscription_of(2) != lost);
    CHECK(published.size() == 3);
}

TEST_CASE_METHOD(streams_fixture,
                 "a subscription that is lost each time does not end the stream of the others",
                 "[unit][watch]")
{
    streams.follow(users(1, 3));
    time.advance(2s);
    for (int n = 0; n < 2; ++n) {
        REQUIRE(server.open().size() == 1);
        server.open().front()->lose({subscription_of(2)});
        time.advance(5s);
    }
    REQUIRE(server.open().size() == 1);
    CHECK(server.open().front()->ids.size() == 2);
    CHECK(streams.covers(user(1)));
    CHECK(!streams.covers(user(2)));
    CHECK(streams.covers(user(3)));
    CHECK(log_text.str().find("keeps ending the subscription of one mailbox (ErrorInvalidSubscription)") !=
          std::string::npos);
    CHECK(log_text.str().find(user(2).key()) == std::string::npos); // addresses only at debug
    time.advance(70min);
    CHECK(streams.covered() == 3);
}

TEST_CASE_METHOD(streams_fixture, "two losses of one subscription that lie far apart set nobody aside",
                 "[unit][watch]")
{
    streams.follow(users(1, 2));
    time.advance(2s);
    for (int n = 0; n < 4; ++n) {
        server.open().front()->lose({subscription_of(2)});
        time.advance(10min);
    }
    CHECK(streams.covered() == 2);
}

TEST_CASE_METHOD(streams_fixture,
                 "subscriptions that only their own mailbox may read leave one stream and polling",
                 "[unit][watch]")
{
    streams.follow(users(1, 3));
    time.advance(2s);
    for (int n = 0; n < 10 && !server.open().empty() && server.open().front()->ids.size() > 1; ++n) {
        server.open().front()->end(said("ErrorAccessDenied"));
        time.advance(10s);
    }
    REQUIRE(server.open().size() == 1);
    CHECK(server.open().front()->ids.size() == 1);
    CHECK(streams.covered() == 1);
    CHECK(warnings() <= 3);
}

TEST_CASE_METHOD(streams_fixture, "what changed is told also if the same message names a lost subscription",
                 "[unit][watch]")
{
    streams.follow(users(1, 2));
    time.advance(2s);
    published.clear();
    ews::stream_message m;
    m.changed = {subscription_of(1)};
    m.lost = {subscription_of(2)};
    m.lost_code = "ErrorSubscriptionNotFound";
    server.open().front()->to(m);
    time.settle();
    CHECK(published.contains(user(1).key()));
}

TEST_CASE_METHOD(streams_fixture, "an error of the stream that names no subscription costs all of them",
                 "[unit][watch]")
{
    streams.follow(users(1, 2));
    time.advance(2s);
    published.clear();
    server.open().front()->end(said("ErrorReadEventsFailed"));
    time.advance(5s);
    CHECK(server.asked.size() == 4);
    CHECK(server.cookies[2].empty()); // another group
    CHECK(published.size() == 2);
    CHECK(streams.covered() == 2);
}

TEST_CASE_METHOD(streams_fixture, "a mailbox that may not be followed is tried again after an hour",
                 "[unit][watch]")
{
    server.refused.emplace(user(1).key(), said("ErrorImpersonateUserDenied"));
    streams.follow(users(1, 3));
    time.advance(2s);
    CHECK(streams.covered() == 2);
    CHECK(server.open().front()->group.anchor == user(2));
    time.advance(50min);
    CHECK(server.asked.size() == 3);
    time.advance(20min);
    CHECK(server.asked.size() == 4);
    CHECK(streams.covered() == 2);
    server.refused.clear();
    time.advance(70min);
    CHECK(streams.covered() == 3);
    CHECK(server.open().size() == 1);
}

TEST_CASE_METHOD(streams_fixture,
                 "what does not fit into the streams is left to polling, and takes a place that is free",
                 "[unit][watch]")
{
    streams.follow(users(1, 650));
    time.advance(5s);
    REQUIRE(server.open().size() == 3);
    for (const auto& s : server.open())
        CHECK(s->ids.size() == 200);
    CHECK(streams.covered() == 600);
    CHECK(streams.covers(user(600)));
    CHECK_FALSE(streams.covers(user(601)));

    auto wanted = users(1, 650);
    wanted.erase(wanted.begin() + 10);
    streams.follow(wanted);
    time.advance(5s);
    CHECK(streams.covered() == 600);
    CHECK_FALSE(streams.covers(user(11)));
    CHECK(streams.covers(user(601)));
    CHECK(streams.covers(user(600)));
    CHECK(server.open().size() == 3);
    CHECK(server.parted.size() == 1);
}

TEST_CASE_METHOD(streams_fixture, "a mailbox that comes later joins the stream", "[unit][watch]")
{
    streams.follow(users(1, 2));
    time.advance(2s);
    published.clear();
    streams.follow(users(1, 4));
    time.advance(5s);
    CHECK(server.asked.size() == 4);
    CHECK(server.streams.size() == 2);
    REQUIRE(server.open().size() == 1);
    CHECK(server.open().front()->ids.size() == 4);
    CHECK(published.size() == 4); // what was on its way when the stream was changed is lost
}

TEST_CASE_METHOD(streams_fixture, "a server that does not stream is left alone, with one line in the log",
                 "[unit][watch]")
{
    const auto code =
        GENERATE(as<std::string>(), "ErrorSchemaValidation", "ErrorInvalidServerVersion", "HTTP 403");
    server.refuse_all = said(code);
    streams.follow(users(1, 600));
    time.advance(23h);
    CHECK(server.asked.size() <= 3); // one each stream
    CHECK(server.streams.empty());
    CHECK(warnings() == 1);
    CHECK(streams.covered() == 0);
    server.refuse_all.reset();
    time.advance(3h);
    CHECK(streams.covered() == 600);
}

TEST_CASE_METHOD(streams_fixture, "nothing is asked while the server is not usable", "[unit][watch]")
{
    usable = false;
    streams.follow(users(1, 5));
    time.advance(1h);
    CHECK(server.asked.empty());
    usable = true;
    time.advance(10s);
    CHECK(streams.covered() == 5);
}

TEST_CASE_METHOD(streams_fixture, "a throttled account waits as long as it is told", "[unit][watch]")
{
    auto busy = said("ErrorServerBusy", ews::retry_action::back_off);
    busy.back_off = milliseconds(300'000);
    busy.whole_server = true;
    server.refuse_all = busy;
    streams.follow(users(1, 5));
    time.advance(299s);
    CHECK(server.asked.size() == 1);
    server.refuse_all.reset();
    time.advance(10min);
    CHECK(streams.covered() == 5);
}

TEST_CASE_METHOD(streams_fixture, "a full account follows what it has and asks for no more", "[unit][watch]")
{
    for (int n = 3; n <= 100; ++n)
        server.refused.emplace(user(n).key(),
                               said("ErrorExceededSubscriptionCount", ews::retry_action::back_off));
    streams.follow(users(1, 100));
    time.advance(50min);
    CHECK(streams.covered() <= 2);
    CHECK(server.asked.size() <= 4);
    CHECK(warnings() == 1);
}

TEST_CASE_METHOD(streams_fixture, "too many streams of the account are waited out", "[unit][watch]")
{
    server.refuse_streams = said("ErrorExceededConnectionCount", ews::retry_action::back_off);
    streams.follow(users(1, 2));
    time.advance(1h);
    CHECK(server.streams.size() < 30);
    server.refuse_streams.reset();
    time.advance(15min);
    CHECK(streams.covered() == 2);
    CHECK(server.asked.size() == 2);
}

TEST_CASE_METHOD(streams_fixture, "a stop ends the subscriptions, in bounded time", "[unit][watch]")
{
    streams.follow(users(1, 5));
    time.advance(2s);
    server.hang = GENERATE(false, true);
    stop();
    CHECK(server.open().empty());
    if (server.hang) {
        CHECK_FALSE(over);
        time.advance(3s);
        CHECK(over);
    } else {
        CHECK(over);
        CHECK(server.parted.size() == 5);
    }
}

TEST_CASE_METHOD(streams_fixture, "mailboxes that nobody follows any more are let go", "[unit][watch]")
{
    streams.follow(users(1, 2));
    time.advance(2s);
    published.clear();
    const auto gone = subscription_of(2);
    streams.follow(users(1, 1));
    time.advance(2s);
    CHECK_FALSE(streams.covers(user(2)));
    for (const auto& s : server.open())
        s->change(gone);
    time.settle();
    CHECK(published.empty());
    streams.follow({});
    time.advance(40min);
    for (const auto& s : server.open())
        s->close();
    time.advance(1min);
    CHECK(server.open().empty());
    CHECK(server.parted.size() == 2);
}

TEST_CASE_METHOD(streams_fixture, "whatever happens to streams, no change is missed for good",
                 "[unit][watch]")
{
    const auto seed = GENERATE(range(1u, 9u));
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto pick = [&random](int most) { return std::uniform_int_distribution(0, most)(random); };
    constexpr int many = 20;
    streams.follow(users(1, many));
    std::set<std::string> open_changes; // mailboxes that changed and of which nobody has told since
    const auto heard = [&] {
        for (const auto& key : std::exchange(published, {}))
            open_changes.erase(key);
    };
    for (int step = 0; step < 600; ++step) {
        time.advance(milliseconds(pick(20'000)));
        heard();
        const auto now_open = server.open();
        if (now_open.empty())
            continue;
        auto& s = *now_open.front();
        const auto& id = s.ids[static_cast<std::size_t>(pick(static_cast<int>(s.ids.size()) - 1))];
        switch (pick(9)) {
        case 0: // the change is on its way as the connection breaks
            open_changes.insert(server.of.at(id));
            s.end(nobody_answers());
            break;
        case 1: // and here it is lost with its subscription
            open_changes.insert(server.of.at(id));
            s.lose({id});
            break;
        case 2:
            s.end(said("ErrorReadEventsFailed"));
            break;
        case 3:
            s.close();
            break;
        case 4:
            server.refuse_all = nobody_answers();
            server.refuse_streams = nobody_answers();
            s.end(nobody_answers());
            time.advance(milliseconds(pick(600'000)));
            server.refuse_all.reset();
            server.refuse_streams.reset();
            break;
        case 5: {
            const auto left_out = pick(many - 1) + 1;
            auto wanted = users(1, many);
            wanted.erase(wanted.begin() + left_out - 1);
            streams.follow(wanted);
            time.advance(milliseconds(pick(5'000)));
            heard();
            open_changes.insert(user(left_out).key()); // while nobody looked
            streams.follow(users(1, many));
            break;
        }
        default:
            open_changes.insert(server.of.at(id));
            s.change(id);
        }
    }
    time.advance(70min); // whose subscription was lost twice in a row is set aside for an hour
    heard();
    CHECK(open_changes.empty());
    CHECK(streams.covered() == many);
    CHECK(server.open().size() == 1);
    CHECK(server.streams.size() < 1'500);
}

TEST_CASE_METHOD(streams_fixture,
                 "a mailbox whose server does not answer keeps none of the others from being read",
                 "[unit][watch]")
{
    server.refused.emplace(user(2).key(), nobody_answers());
    streams.follow(users(1, 20));
    time.advance(10s);
    CHECK(streams.covered() == 19);
    const auto asked = server.asked.size();
    time.advance(25min);
    CHECK(server.asked.size() - asked < 20);
    CHECK(streams.covered() == 19);
    server.refused.clear();
    time.advance(10min);
    CHECK(streams.covered() == 20);
}

TEST_CASE_METHOD(streams_fixture, "with a new server everything begins anew, whatever the old one said",
                 "[unit][watch]")
{
    streams.follow(users(1, 2));
    time.advance(2s);
    const auto old = server.open();
    REQUIRE(old.size() == 1);
    SECTION("it streamed") {}
    SECTION("it refused to stream at all")
    {
        server.refuse_streams = said("ErrorInvalidServerVersion");
        old.front()->end(nobody_answers());
        time.advance(1h);
        REQUIRE(streams.covered() == 0);
        server.refuse_streams.reset();
    }
    server.asked.clear();
    streams.start_over();
    time.advance(2s);
    CHECK(server.asked.size() == 2);
    CHECK(old.front()->gone);
    CHECK(streams.covered() == 2);
}

TEST_CASE_METHOD(streams_fixture, "nothing is asked in the name of a mailbox that is followed no more",
                 "[unit][watch]")
{
    const bool denied = GENERATE(false, true);
    if (denied)
        rules = policy::policy({{"*"}, {"*"}, {user(1).key()}});
    streams.follow(users(1, 3));
    time.advance(2s);
    REQUIRE(server.open().front()->group.anchor.key() == user(1).key());
    server.asked.clear();
    server.anchors.clear();
    streams.follow(users(2, 3));
    time.advance(2s);
    REQUIRE(server.open().size() == 1);
    CHECK(server.open().front()->group.anchor.key() == user(2).key());
    CHECK(server.anchors == std::vector<std::string>(2, user(2).key()));
    CHECK(server.parted.size() == (denied ? 0 : 3));
    CHECK(streams.covered() == 2);
}

} // namespace relay::test
