// What leaves: durable before it is sent, in order, until it is acknowledged.
#include "tests/unit/store/doors_fixture.hpp"

#include <boost/asio/post.hpp>

using namespace relay;
using namespace relay::store;
using lines = std::vector<std::string>;

namespace {

struct outbox_fixture : test::doors_fixture {
    void admit(const std::string& id) { REQUIRE(await(queue->admit(test::a_write(*this, id))).has_value()); }
    void publish() { REQUIRE(await(out->publish(R"({"type":"event","event":"e","data":{}})")).has_value()); }
    void finished(const std::string& id, std::size_t padding = 0)
    {
        admit(id);
        REQUIRE(await(out->finish(ok(id, padding))).has_value());
    }
    void answer_read(const std::string& id, milliseconds ttl = 30s, std::size_t padding = 0)
    {
        await(out->answer_read(ok(id, padding), time.now() + ttl));
    }
    // Starts `t` and leaves it waiting.
    template <class T>
    struct pending {
        std::optional<T> answer;
        asio::cancellation_signal stop;
    };
    template <class T>
    std::shared_ptr<pending<T>> start(task<T> t)
    {
        auto p = std::make_shared<pending<T>>();
        asio::co_spawn(context, std::move(t),
                       asio::bind_cancellation_slot(p->stop.slot(), [p](std::exception_ptr e, T v) {
                           if (!e)
                               p->answer.emplace(std::move(v));
                       }));
        time.settle();
        return p;
    }
};

} // namespace

TEST_CASE_METHOD(outbox_fixture, "nothing leaves while the link is down, and short answers are dropped",
                 "[unit][store]")
{
    out->reply(protocol::encode_accepted("c-1"));
    const auto waiting = start(out->next());
    CHECK(out->idle());
    CHECK_FALSE(waiting->answer.has_value());
    waiting->stop.emit(asio::cancellation_type::terminal);
    time.settle();
    REQUIRE(waiting->answer.has_value());
    CHECK(waiting->answer->error() == asio::error::operation_aborted);
    link_up();
    CHECK(published().empty());
}

TEST_CASE_METHOD(outbox_fixture, "what is owed is sent from the acknowledged seq on, in order",
                 "[unit][store]")
{
    for (int i = 1; i <= 4; ++i)
        finished("c-" + std::to_string(i));
    link_up(2);
    CHECK(published() == lines{"result c-3 ok #3", "result c-4 ok #4"});
    link_down();
    link_up(2);
    CHECK(published() == lines{"result c-3 ok #3", "result c-4 ok #4"});
    CHECK(out->unacked() == 2);
    CHECK(await(queue->who())->unacked == 2);
}

TEST_CASE_METHOD(outbox_fixture, "a result that finishes while the link is up is not read back from disk",
                 "[unit][store]")
{
    link_up();
    finished("c-0"); // the first of a process is: it must be known as sent
    CHECK(published() == lines{"result c-0 ok #1"});
    gate->reads = 0;
    finished("c-1");
    finished("c-2");
    publish();
    CHECK(published() == lines{"result c-1 ok #2", "result c-2 ok #3", "event #4"});
    CHECK(gate->reads == 0);
}

TEST_CASE_METHOD(outbox_fixture, "short answers and reads pass before stored messages", "[unit][store]")
{
    finished("c-1");
    link_up();
    out->reply(protocol::encode_accepted("c-2"));
    answer_read("r-1");
    CHECK(published() == lines{"accepted c-2", "result r-1 ok", "result c-1 ok #1"});
}

TEST_CASE_METHOD(outbox_fixture, "more than memory may hold is read page by page, without a gap",
                 "[unit][store]")
{
    link_up();
    CHECK(published().empty());
    constexpr int many = 3000;
    for (int i = 1; i <= many; ++i)
        publish();
    const auto frames = sent();
    REQUIRE(frames.size() == many);
    for (int i = 0; i < many; ++i)
        REQUIRE(frames[static_cast<std::size_t>(i)].at("seq").as_int64() == i + 1);
    CHECK(gate->reads > 0);
    CHECK(gate->reads < 10);
    publish();
    CHECK(published() == lines{"event #3001"});
}

TEST_CASE_METHOD(outbox_fixture, "an acknowledgement is stored once for all that came meanwhile",
                 "[unit][store]")
{
    for (int i = 0; i < 5; ++i)
        publish();
    link_up();
    CHECK(published().size() == 5);
    gate->acknowledgements = 0;
    gate->open = false;
    for (sequence seq = 1; seq <= 4; ++seq)
        out->acknowledge(seq);
    time.advance(store::outbox::ack_patience);
    CHECK(out->unacked() == 1);
    gate->open_gate();
    time.settle();
    CHECK(gate->acknowledgements <= 2);
    CHECK(await(queue->who())->unacked == 1);
}

TEST_CASE_METHOD(outbox_fixture, "acknowledging what was never sent holds nothing back", "[unit][store]")
{
    link_up(1'000'000);
    CHECK(published().empty());
    out->acknowledge(std::numeric_limits<sequence>::max());
    finished("c-1");
    CHECK(published() == lines{"result c-1 ok #1"});
    CHECK(out->unacked() == 1);
    out->acknowledge(1);
    time.advance(store::outbox::ack_patience);
    CHECK(await(queue->who())->unacked == 0);
}

TEST_CASE_METHOD(outbox_fixture, "an acknowledgement that could not be stored is made good by the next",
                 "[unit][store]")
{
    publish();
    publish();
    link_up();
    CHECK(published().size() == 2);
    gate->writes_fail = errc::store_full;
    out->acknowledge(1);
    time.advance(store::outbox::ack_patience);
    CHECK(await(queue->who())->unacked == 2);
    gate->writes_fail.reset();
    out->acknowledge(2);
    time.advance(store::outbox::ack_patience);
    CHECK(await(queue->who())->unacked == 0);
}

TEST_CASE_METHOD(outbox_fixture, "a finished result waits out a full disk", "[unit][store]")
{
    link_up();
    admit("c-1");
    gate->writes_fail = errc::store_full;
    const auto waiting = start(out->finish(ok("c-1")));
    time.advance(5min);
    CHECK_FALSE(waiting->answer.has_value());
    gate->writes_fail.reset();
    time.advance(30s);
    REQUIRE(waiting->answer.has_value());
    CHECK(waiting->answer->has_value());
    CHECK(published() == lines{"result c-1 ok #1"});
}

TEST_CASE_METHOD(outbox_fixture, "waiting out a full disk ends by a cancel", "[unit][store]")
{
    admit("c-1");
    gate->writes_fail = errc::store_read_only;
    const auto waiting = start(out->finish(ok("c-1")));
    time.advance(1min);
    waiting->stop.emit(asio::cancellation_type::terminal);
    time.settle();
    REQUIRE(waiting->answer.has_value());
    CHECK(waiting->answer->error() == asio::error::operation_aborted);
}

TEST_CASE_METHOD(outbox_fixture, "a damaged store and an unknown command are the caller's to know",
                 "[unit][store]")
{
    CHECK(await(out->finish(ok("c-1"))).error() == errc::not_found);
    gate->writes_fail = errc::store_corrupt;
    CHECK(await(out->finish(ok("c-1"))).error() == errc::store_corrupt);
}

TEST_CASE_METHOD(outbox_fixture, "a read that ends while the link is down is stored and sent later",
                 "[unit][store]")
{
    answer_read("r-1");
    CHECK(out->unacked() == 1);
    link_up();
    CHECK(published() == lines{"result r-1 ok #1"});
}

TEST_CASE_METHOD(outbox_fixture, "a stored read whose ttl passed is sent as deadline_exceeded",
                 "[unit][store]")
{
    answer_read("r-1", 30s);
    time.advance(31s);
    link_up();
    const auto frames = sent();
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].at("error").at("code") == "deadline_exceeded");
    CHECK(frames[0].at("seq") == 1);
    CHECK(frames[0].at("id") == "r-1");
    CHECK(frames[0].at("attempts") == 2);
    CHECK(frames[0].at("took_ms") == 41);
}

TEST_CASE_METHOD(outbox_fixture, "reads not taken when the link ends are stored, other answers are not",
                 "[unit][store]")
{
    link_up();
    out->reply(protocol::encode_accepted("c-1"));
    answer_read("r-1");
    answer_read("r-2");
    CHECK(await(out->next()).has_value()); // accepted
    CHECK(await(out->next())
              .has_value()); // r-1: on its way when the link breaks, so it is the cloud's to ask again
    out->reply(protocol::encode_accepted("c-2"));
    link_down();
    link_up();
    CHECK(published() == lines{"result r-2 ok #1"});
}

TEST_CASE_METHOD(outbox_fixture, "a read that can be neither sent nor stored waits in memory",
                 "[unit][store]")
{
    gate->writes_fail = errc::store_full;
    answer_read("r-1");
    link_up();
    answer_read("r-2");
    link_down();
    CHECK(out->unacked() == 0);
    link_up();
    CHECK(published() == lines{"result r-1 ok", "result r-2 ok"});
}

TEST_CASE_METHOD(outbox_fixture, "a read kept in memory past its ttl is sent as deadline_exceeded",
                 "[unit][store]")
{
    gate->writes_fail = errc::store_full;
    answer_read("r-1", 30s);
    answer_read("r-2", 60s);
    time.advance(31s);
    link_up();
    CHECK(published() == lines{"result r-1 deadline_exceeded", "result r-2 ok"});
}

TEST_CASE_METHOD(outbox_fixture, "reads kept in memory have a bound", "[unit][store]")
{
    gate->writes_fail = errc::store_full;
    for (std::size_t i = 0; i < outbox::most_kept_reads + 10; ++i)
        answer_read("r-" + std::to_string(i));
    gate->writes_fail.reset();
    link_up();
    CHECK(sent().size() == outbox::most_kept_reads);
}

TEST_CASE_METHOD(outbox_fixture, "what is over max_message_bytes becomes result_too_large", "[unit][store]")
{
    finished("c-1", 5'000);
    REQUIRE(await(out->publish(
                      R"({"type":"event","event":"availability.changed","data":{"watch_id":"w","busy":")" +
                      std::string(5'000, 'x') + "\"}}"))
                .has_value());
    link_up(0, 1'000);
    answer_read("r-1", 30s, 5'000);
    const auto frames = sent();
    REQUIRE(frames.size() == 3);
    CHECK(frames[0].at("id") == "r-1");
    CHECK(frames[0].at("error").at("code") == "result_too_large");
    CHECK(frames[1].at("id") == "c-1");
    CHECK(frames[1].at("seq") == 1);
    CHECK(frames[1].at("attempts") == 2);
    CHECK(frames[1].at("error").at("code") == "result_too_large");
    CHECK(frames[2].at("seq") == 2);
    CHECK(frames[2].at("data").at("watch_id") == "w");
    CHECK(frames[2].at("data").at("error").at("code") == "result_too_large");
    CHECK(frames[2].at("data").as_object().count("busy") == 0);
    for (const auto& f : frames)
        CHECK(boost::json::serialize(f).size() <= 1'000);
}

TEST_CASE_METHOD(outbox_fixture, "a stored result is repeated only where it went out on this link before",
                 "[unit][store]")
{
    finished("c-1");
    finished("c-2");
    link_up();
    out->repeat(2, R"({"type":"result","id":"c-2","ok":true})"); // must not overtake seq 1
    CHECK(published() == lines{"result c-1 ok #1", "result c-2 ok #2"});
    out->repeat(2, R"({"type":"result","id":"c-2","ok":true})");
    CHECK(published() == lines{"result c-2 ok #2"});
}

TEST_CASE_METHOD(outbox_fixture, "a reader that is not read waits for room", "[unit][store]")
{
    CHECK_FALSE(await(out->room()));
    link_up();
    for (std::size_t i = 0; i < outbox::most_replies; ++i) {
        CHECK_FALSE(await(out->room()));
        out->reply(protocol::encode_accepted("c"));
    }
    auto waiting = start(out->room());
    CHECK_FALSE(waiting->answer.has_value());
    CHECK(await(out->next()).has_value());
    CHECK(waiting->answer.has_value());

    out->reply(protocol::encode_accepted("c"));
    waiting = start(out->room());
    CHECK_FALSE(waiting->answer.has_value());
    link_down();
    CHECK(waiting->answer.has_value());

    link_up();
    out->reply(std::string(outbox::most_reply_bytes, 'x'));
    waiting = start(out->room());
    CHECK_FALSE(waiting->answer.has_value());
    waiting->stop.emit(asio::cancellation_type::terminal);
    time.settle();
    CHECK(waiting->answer.value() == asio::error::operation_aborted);
    link_down();
}

TEST_CASE_METHOD(outbox_fixture, "a store that cannot be read is an error of next(), and goes on later",
                 "[unit][store]")
{
    finished("c-1");
    link_up();
    gate->reads_fail = errc::store_io;
    CHECK(await(out->next()).error() == errc::store_io);
    gate->reads_fail.reset();
    CHECK(published() == lines{"result c-1 ok #1"});
}

TEST_CASE_METHOD(outbox_fixture, "a store that was renewed is sent from 1 under its new numbers",
                 "[unit][store]")
{
    for (int i = 0; i < 5; ++i)
        publish();
    link_up(3);
    CHECK(published() == lines{"event #4", "event #5"});
    link_down();
    REQUIRE(await(queue->renew()).has_value());
    link_up(0);
    CHECK(published() == lines{"event #1", "event #2"});
    CHECK(out->unacked() == 2);
    publish();
    CHECK(published() == lines{"event #3"});
    out->acknowledge(1);
    time.advance(store::outbox::ack_patience);
    CHECK(await(queue->who())->unacked == 2);
}

TEST_CASE_METHOD(outbox_fixture, "an acknowledgement not stored before a renewal means nothing after it",
                 "[unit][store]")
{
    for (int i = 0; i < 5; ++i)
        publish();
    link_up();
    CHECK(published().size() == 5);
    gate->writes_fail = errc::store_io;
    out->acknowledge(4);
    time.advance(store::outbox::ack_patience);
    link_down();
    gate->writes_fail.reset();
    REQUIRE(await(queue->renew()).has_value());
    link_up(0);
    CHECK(published().size() == 5);
    out->acknowledge(2);
    time.advance(store::outbox::ack_patience);
    CHECK(await(queue->who())->unacked == 3);
}

TEST_CASE_METHOD(outbox_fixture, "a cancelled next takes no frame", "[unit][store]")
{
    link_up();
    CHECK(published().empty());
    const auto waiting = start(out->next());
    asio::post(context, [&] {
        out->reply(protocol::encode_accepted("c-1")); // wakes it
        waiting->stop.emit(asio::cancellation_type::terminal);
    });
    time.settle();
    REQUIRE(waiting->answer.has_value());
    CHECK(waiting->answer->has_error());
    CHECK(published() == lines{"accepted c-1"});
}

TEST_CASE_METHOD(outbox_fixture, "the end of a link waits for what it stores, also where it is cancelled",
                 "[unit][store]")
{
    link_up();
    answer_read("r-1");
    gate->open = false;
    bool ended = false;
    asio::cancellation_signal stop;
    asio::co_spawn(context, out->link_down(),
                   asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr) { ended = true; }));
    time.settle();
    CHECK_FALSE(ended);
    gate->open_gate();
    time.settle();
    CHECK(ended);
    link_up();
    CHECK(published() == lines{"result r-1 ok #1"});
}
