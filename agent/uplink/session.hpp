// One link from `hello` to its end: introduces the agent, then moves frames both ways until something ends it.
#pragma once

#include "agent/uplink/uplink.hpp"
#include "common/async/task_group.hpp"

#include <set>

namespace relay::uplink {

// Loop thread only. begin(), then serve() where that gave a welcome; lives until serve() has returned.
class session {
public:
    using end = session_end;

    session(asio::any_io_executor executor, link& l, const uplink::parts& p, const uplink_limits& limits);

    // Sends `hello` and waits for the cloud's word. An old copy of the store is renewed here (end::renewed).
    task<boost::system::result<protocol::welcome, end>> begin(const hello_facts& facts);
    // Serves until the link ends; leaves the outbox in the state between sessions. Cancelling it drops the link.
    task<end> serve(protocol::welcome w);

    // Ways out; asked for before serve(), they are taken as soon as it serves.
    void stop();
    void reconnect();

    std::optional<duration> round_trip() const noexcept { return link_.round_trip(); }

private:
    task<outcome<protocol::welcome>> first_word(end& rejected);
    task<end> renew(const protocol::welcome& w, const store::identity& us);
    task<end> owe_again(const protocol::welcome& w, const store::identity& us);
    task<void> read_frames();
    task<void> write_frames();
    task<void> keep_alive(duration interval);
    task<void> send_pings();
    task<void> leave(end how, duration limit);
    task<void> guarded(task<void> child);
    task<void> tear_down();
    task<void> hang_up(close_code code, std::string reason);

    void take(std::string_view frame);
    void take_other(const protocol::inbound& message);
    void note_unknown(const std::string& type);
    void note_problem(const protocol::problem& p);
    void depart(end how, duration limit);
    void finish(end how);
    void lost(failed why);
    task<error_code> until_quiet(bool drained);
    steady_time last_sign() const noexcept;

    link& link_;
    const uplink::parts& parts_;
    const uplink_limits& limits_;
    task_group children_;
    notifier over_;
    notifier ping_wanted_;
    notifier written_; // a batch of frames
    std::optional<end> end_;
    std::optional<end> leaving_; // the way out that was begun
    steady_time up_since_{};
    steady_time last_write_{};
    bool serving_ = false;
    bool stop_asked_ = false, reconnect_asked_ = false;
    bool writing_ = false;   // a frame was taken from the outbox and is not with the system yet
    bool held_back_ = false; // the reader waits for room: nothing can arrive
    bool ping_due_ = false;
    std::set<std::string> unknown_; // types that were logged
    int problems_ = 0;              // logged
};

} // namespace relay::uplink
