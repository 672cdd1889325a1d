// The answer to one GetStreamingEvents: envelopes for as long as the client asked for.
#pragma once

#include "common/async/notifier.hpp"
#include "tests/stand_ins/exchange/live_answer.hpp"
#include "tests/stand_ins/exchange/subscriptions.hpp"

#include <deque>

namespace relay::exchange_sim {

class event_stream final : public live_answer {
public:
    event_stream(subscription_desk& desk, std::vector<std::string> ids, int minutes);
    ~event_stream() override;

    task<live_piece> next() override;
    std::size_t piece_bytes() const override { return desk_.rules.piece_bytes; }

    // For the desk.
    bool reads(const std::string& id) const;
    bool goes_on() const noexcept { return !over_; }
    void wake() { wake_.notify(); }
    // Ends with an error message that names `ids`.
    void fail(const std::string& code, const std::vector<std::string>& ids);
    void act(subscription_desk::act what);

private:
    std::string take_notifications();
    std::string status(std::string_view text) const;

    subscription_desk& desk_;
    std::vector<std::string> ids_;
    notifier wake_;
    steady_time close_at_, heartbeat_at_;
    std::deque<live_piece> ready_; // goes out before anything else
    bool over_ = false;            // nothing comes after what is ready
    bool opened_ = false;
};

// A whole envelope with one message of class Error about `ids`.
std::string stream_error(const product& server, const streaming_rules& rules, std::string_view code,
                         std::span<const std::string> ids, std::string_view notifications = {});

} // namespace relay::exchange_sim
