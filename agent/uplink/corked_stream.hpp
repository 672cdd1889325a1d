// Lets many small WebSocket frames leave in one TLS record and one system call, where Beast would make one of each.
#pragma once

#include "agent/uplink/hop_stream.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <memory>
#include <string>
#include <utility>

namespace relay::uplink {

namespace asio = boost::asio;

// An AsyncStream over TLS. A write copies its bytes into a buffer of at most `most_pending` and is done; one write at a
// time carries the buffer to the network, at once, or, while corked, when the cork is pulled or the buffer is full.
// A failure is reported by the writes that follow it. Loop thread only.
class corked_stream {
public:
    using next_layer_type = asio::ssl::stream<hop_stream>;
    using executor_type = asio::any_io_executor;
    static constexpr std::size_t most_pending = 64 * 1024;
    static constexpr std::size_t one_write = 16 * 1024; // what a TLS record holds

    // Somebody who waits, of whatever type. (beast::saved_handler would do, but ends its handler where that is
    // cancelled, and a handler that borrowed our caller's buffers is not to be ended in the middle of a frame.)
    struct waiter {
        virtual ~waiter() = default;
        virtual void resume() = 0;
    };
    template <class F>
    struct waiter_of final : waiter {
        explicit waiter_of(F f) : go(std::move(f)) {}
        void resume() override { go(); }
        F go;
    };

    // Owned by the stream and by the write to the network that is under way, which may outlive the stream.
    struct core : std::enable_shared_from_this<core> {
        core(hop_stream hop, asio::ssl::context& context) : tls(std::move(hop), context) {}

        bool idle() const noexcept { return !writing && pending.empty(); }
        void pump(); // starts writing what is pending, unless a write is under way
        void wake(); // resumes who waits for room or for silence

        next_layer_type tls;
        std::string pending, on_its_way;
        boost::system::error_code error;
        std::unique_ptr<waiter> for_room; // the one write that found the buffer full
        std::unique_ptr<waiter> for_idle; // flush() or the teardown
        bool writing = false;
        bool corked = false;
    };

    explicit corked_stream(std::shared_ptr<core> c) : core_(std::move(c)) {}

    executor_type get_executor() noexcept { return core_->tls.get_executor(); }
    next_layer_type& next_layer() noexcept { return core_->tls; }
    const next_layer_type& next_layer() const noexcept { return core_->tls; }

    void cork() { core_->corked = true; }
    void uncork()
    {
        core_->corked = false;
        core_->pump();
    }

    // Completes with the fate of all writes so far. One at a time.
    template <class Token>
    auto async_flush(Token&& token)
    {
        return asio::async_initiate<Token, void(boost::system::error_code)>(
            [c = core_](auto handler) { when_idle(c, std::move(handler)); }, token);
    }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token)
    {
        return core_->tls.async_read_some(buffers, std::forward<Token>(token));
    }

    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token)
    {
        return asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
            [c = core_](auto handler, const Buffers& bytes) { take(c, bytes, std::move(handler)); }, token,
            buffers);
    }

    friend void teardown(boost::beast::role_type role, corked_stream& s, boost::system::error_code& ec)
    {
        boost::beast::teardown(role, s.core_->tls, ec);
    }

    // close_notify waits for what is still to be written: TLS allows one writer at a time. How the shutdown goes is
    // nobody's business (a peer that still sends makes it fail), and must not hide why Beast ends the connection.
    template <class Handler>
    friend void async_teardown(boost::beast::role_type role, corked_stream& s, Handler&& handler)
    {
        auto shut = [c = s.core_, role,
                     h = std::forward<Handler>(handler)](boost::system::error_code) mutable {
            const auto executor = asio::get_associated_executor(h, c->tls.get_executor());
            auto done = [c, g = std::move(h)](boost::system::error_code) mutable {
                std::move(g)(boost::system::error_code());
            };
            boost::beast::async_teardown(role, c->tls, asio::bind_executor(executor, std::move(done)));
        };
        when_idle(s.core_, asio::bind_executor(s.get_executor(), std::move(shut)));
    }

private:
    template <class Handler>
    static void finish(const std::shared_ptr<core>& c, Handler handler, auto... results)
    {
        const auto executor = asio::get_associated_executor(handler, c->tls.get_executor());
        asio::post(executor, [h = std::move(handler), results...]() mutable { std::move(h)(results...); });
    }

    template <class Handler>
    static void when_idle(const std::shared_ptr<core>& c, Handler handler)
    {
        if (c->idle() || c->error.failed())
            return finish(c, std::move(handler), c->error);
        auto later = [c, h = std::move(handler)]() mutable { finish(c, std::move(h), c->error); };
        c->for_idle = std::make_unique<waiter_of<decltype(later)>>(std::move(later));
    }

    template <class Buffers, class Handler>
    static void take(const std::shared_ptr<core>& c, const Buffers& buffers, Handler handler)
    {
        if (c->error.failed())
            return finish(c, std::move(handler), c->error, std::size_t{0});
        if (c->pending.size() >= most_pending) {
            c->pump();
            // The buffers are the caller's until its handler runs.
            auto later = [c, buffers, h = std::move(handler)]() mutable { take(c, buffers, std::move(h)); };
            c->for_room = std::make_unique<waiter_of<decltype(later)>>(std::move(later));
            return;
        }
        const auto room = most_pending - c->pending.size();
        const auto before = c->pending.size();
        const auto bytes = std::min(room, asio::buffer_size(buffers));
        c->pending.resize(before + bytes);
        asio::buffer_copy(asio::buffer(c->pending.data() + before, bytes), buffers);
        if (!c->corked)
            c->pump();
        finish(c, std::move(handler), boost::system::error_code(), bytes);
    }

    std::shared_ptr<core> core_;
};

} // namespace relay::uplink
