// The cloud's end of PROTOCOL.md without sockets: what is sent to agents, what is made of what they send, and every rule
// they break on the way.
#pragma once

#include "tests/stand_ins/cloud/frame_log.hpp"
#include "tests/stand_ins/cloud/recorder.hpp"
#include "tests/stand_ins/cloud/records.hpp"
#include "tests/stand_ins/cloud/shape.hpp"
#include "tests/stand_ins/cloud/watch_checks.hpp"

#include <deque>
#include <list>
#include <unordered_map>

namespace relay::cloud_sim {

struct settings {
    std::chrono::seconds heartbeat{20};
    std::int64_t max_message_bytes = 1'048'576;
    std::int64_t ack_every = 1; // an ack goes out once this many messages are durable and not acknowledged
};

// How agents are treated, from now on.
struct behaviour {
    struct rejection {
        std::string code, message;
        std::optional<std::int64_t> retry_after_s;
    };
    bool withhold_acks = false; // neither `ack` nor a higher one in `welcome`
    std::optional<rejection> reject;
    bool no_subprotocol = false;
    bool silent = false;
    bool no_welcome = false;
    bool give_again = false;     // what may have got lost on the way, or with a store, goes out again first
    bool respect_window = false; // posted commands wait where the agent's window is full
    bool revoked = false;        // every client certificate is refused as revoked, by a TLS alert
    int refuse_upgrade = 0;      // answer to a request for a link, such as 403; 0: the link
    std::chrono::seconds clock_skew{0}; // how wrong the Date of HTTP answers is
};

// What the agent should do next, as the link layer sees it.
enum class greeting { welcome, nothing, rejected };

// Loop thread only. The link layer calls the first group, the control interface the rest.
class cloud {
public:
    cloud(recorder& disk, settings s, contents known, time_source& time, asio::any_io_executor executor);

    // Every frame of both sides goes to `log` from now on, but for those of send_raw().
    void record_frames(frame_log& log) { frames_ = &log; }

    // ---- one link, in this order
    session& opened(link& wire, std::string certificate_name, bool deflate);
    // The first frame. Where it answers `welcome`: await recorder::flush(), then call welcome().
    greeting hello(session& s, std::string_view text, frame_format format);
    void welcome(session& s);
    void received(session& s, std::string_view text, frame_format format);
    void pinged(session& s);
    // `code`: of the agent's close frame, nothing where the connection just ended.
    void closed(session& s, std::optional<std::uint16_t> code);
    // The agent did something against PROTOCOL.md that only the link layer sees.
    void violation(const session* s, std::string_view rule, std::string_view message,
                   std::string_view frame = {});

    // ---- commands
    command* find(std::string_view id);
    // Makes a record and puts it on the disk's way; await recorder::flush() before deliver().
    command& record(command c);
    // Sends it where an agent is connected and nothing waits before it, else queues it.
    void deliver(command& c);
    // Queues it: it goes out as the agent's window has room.
    void queue(command& c);
    // Sends it at once; false where no agent is connected.
    bool send(command& c, bool redelivered);
    // Sends `posted` under the id of `c`, which was posted before. False where no agent is connected.
    bool send_again(command& c, const command& posted);
    bool cancel(command& c);
    // Sends a command of a benchmark, which is kept only until its `done` is called. False where no agent is connected.
    bool send_passing(command c);
    void forget(const std::string& id);
    // Sends a frame as it is, whatever the protocol says, and unrecorded; false where no agent is connected.
    bool send_raw(std::string frame, frame_format format);

    // ---- faults
    const behaviour& conduct() const { return behaviour_; }
    void behave(behaviour b);
    // What to do with the links that are up: false where there is none.
    bool cut();
    bool close(std::uint16_t code);
    bool drain(milliseconds reconnect_after);
    // As a cloud that was brought back from a backup: of `store` it holds the messages up to `ack`, and whatever the later
    // ones said it never heard. The links end. The ids of the commands that have no result any more.
    std::vector<std::string> set_back(agent_store& store, std::int64_t ack);

    // ---- what there is to tell
    json::array results() const { return frames(results_); }
    json::array events() const { return frames(events_); }
    json::array problems() const { return frames(problems_); }
    const json::array& violations() const { return violations_; }
    json::array agents() const;
    json::object ledger() const;
    // The newest link that takes commands, of the agent of that id where one is named.
    session* active(std::string_view agent = {});
    agent_store* newest_store(); // of the newest session that said hello
    agent_store* find_store(std::string_view id);
    notifier& progress() { return progress_; } // a store grew durable, or a session came or went
    asio::any_io_executor executor() const { return executor_; }
    std::string unique_word(); // another one on each call, and after a restart too
    const settings& limits() const { return settings_; }
    utc_time now() const { return time_.utc_now(); }
    time_source& time() { return time_; }

private:
    enum class arrival { fresh, repeat, refused };

    static json::array frames(const std::deque<kept_frame>& kept);
    void load(contents known);
    void add_findings(const session& s, const findings& found, std::string_view frame);
    void check_drain_delay(const session& s);
    bool duplicate(const session& s, std::string_view store_id);
    agent_store& store_of(const json::object& hello);
    void reject(session& s, const behaviour::rejection& r);
    arrival number(session& s, const json::value& frame, std::string_view text);
    void keep(session& s, frame_kind kind, const json::value& frame, std::string_view text,
              std::string_view id);
    void on_accepted(session& s, const json::object& frame, std::string_view text);
    void on_result(session& s, const json::value& frame, std::string_view text);
    void check_answer(const session& s, const command& c, const json::object& frame, findings& found) const;
    void check_write_answer(const session& s, const command& c, const json::object& frame,
                            findings& found) const;
    void finish(command& c, const session& s, const json::object& frame, std::string_view text);
    void transmit(session& s, std::string frame);
    void record_frame(sender from, std::string_view text);
    void sent(command& c, session& s);
    void pump();
    void give_again(session& s);
    void touch(command& c);
    void closing(std::vector<row>& batch);
    void committed();
    void acknowledge(session& s);

    recorder& disk_;
    settings settings_;
    time_source& time_;
    asio::any_io_executor executor_;
    behaviour behaviour_;
    notifier progress_;
    std::int64_t start_number_ = 0, session_number_ = 0, command_number_ = 0;
    std::int64_t result_count_ = 0, outstanding_ = 0, posted_ = 0;

    std::unordered_map<std::string, command> commands_;
    std::deque<command*> backlog_;
    std::vector<command*> dirty_;
    std::list<session> sessions_; // newest first
    std::list<agent_store> stores_;
    std::deque<kept_frame> results_, events_, problems_;
    json::array violations_;
    watch_book watches_;
    frame_log* frames_ = nullptr;
};

} // namespace relay::cloud_sim
