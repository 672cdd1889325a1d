// Which address of a name is tried first. A server may accept a connection and then be silent, which looks well to whoever
// only counts TCP: what came of each address later is remembered here.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace relay::http {

// A value; of one name, or of all that lead to one server.
class address_memory {
public:
    using address = boost::asio::ip::address;

    static constexpr std::size_t most_failed = 32; // the oldest is forgotten

    // It answered as a server does. Only one can be the last that did.
    void worked(const address& a);
    // TCP went through, or not even that, and nothing came of it. Until it works, the others are tried before it.
    void failed(const address& a);

    const std::optional<address>& favourite() const noexcept { return favourite_; }
    bool has_failed(const address& a) const;
    // Of two that failed: whether `a` was tried less recently.
    bool failed_before(const address& a, const address& b) const;

private:
    std::optional<address> favourite_; // worked last, and has not failed since
    std::vector<address> failed_;      // the latest last
};

} // namespace relay::http
