// The server's end of one WebSocket over mutual TLS.
#pragma once

#include "common/async/async.hpp"
#include "tests/stand_ins/cloud/enrolment_desk.hpp"
#include "tests/stand_ins/cloud/link.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace relay::cloud_sim {

class wss_link final : public link {
public:
    struct options {
        bool deflate = true;
        bool select_subprotocol = true;
        // Answers POST /v1/enroll and /v1/renew; empty: they are not found.
        std::function<desk_reply(const desk_request&)> desk;
        time_source* time = nullptr;        // needed with `desk`
        int refuse_upgrade = 0;             // answered in place of the upgrade; 0: none
        std::chrono::seconds clock_skew{0}; // added to the time in Date
    };
    struct frame {
        frame_format format;
        std::string_view text; // until the next read()
    };

    // TLS, the HTTP request, the upgrade. Another path than /v1/connect is answered 404, a client that does not offer
    // the subprotocol 400, one without a certificate that is valid now 401: these are errors here
    // (errc::protocol_violation), as is any failed handshake. What the desk answered ends with asio::error::eof.
    static task<result<std::unique_ptr<wss_link>>> accept(asio::ip::tcp::socket socket,
                                                          asio::ssl::context& tls, options o);

    ~wss_link() override;

    const std::string& certificate_name() const; // common name of the client's certificate
    bool deflate() const;                        // permessage-deflate is in use

    // The next message. Errors: errc::frame_too_large, errc::protocol_violation (RFC 6455), else what ended the link.
    task<result<frame>> read();
    // The code of the peer's close frame, once read() failed; nothing where there was none.
    std::optional<std::uint16_t> close_code() const;
    void on_ping(std::function<void()> f);

    // Carries out send() and close() until the link ends; run it beside the reader. Never throws.
    task<void> write();
    // No more reads: write() ends when it has nothing under way.
    void finish();

    void send(std::string text, frame_format format) override;
    void close(std::uint16_t code) override;
    void cut() override;
    void freeze(bool frozen) override;

private:
    struct impl;
    explicit wss_link(std::unique_ptr<impl> i);
    std::unique_ptr<impl> impl_;
};

} // namespace relay::cloud_sim
