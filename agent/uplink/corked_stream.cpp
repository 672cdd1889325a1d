#include "agent/uplink/corked_stream.hpp"

#include <boost/asio/write.hpp>

namespace relay::uplink {

void corked_stream::core::pump()
{
    if (writing || pending.empty() || error.failed())
        return;
    writing = true;
    on_its_way.swap(pending);
    asio::async_write(tls, asio::buffer(on_its_way),
                      [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                          self->writing = false;
                          self->on_its_way.clear();
                          if (ec.failed())
                              self->error = ec;
                          self->pump();
                          self->wake();
                      });
}

void corked_stream::core::wake()
{
    // Taken out before it runs: it may put itself, or the next one, back.
    if (const auto next = std::exchange(for_room, nullptr))
        next->resume();
    if (idle() || error.failed())
        if (const auto next = std::exchange(for_idle, nullptr))
            next->resume();
    // Both buffers together hold on to 128 KB otherwise, for a link that is idle most of the day.
    if (idle() && pending.capacity() + on_its_way.capacity() > one_write) {
        pending = {};
        on_its_way = {};
    }
}

} // namespace relay::uplink
