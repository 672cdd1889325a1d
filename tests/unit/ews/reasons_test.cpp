// What the modules above ask of a failure.
#include "agent/ews/reasons.hpp"
#include "agent/ews/response_codes.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

namespace relay::ews {
namespace {

protocol::fault with_code(std::string_view code)
{
    return {protocol::fault_code::exchange_error, {}, std::string(code)};
}

} // namespace

TEST_CASE("each reason that is acted on has a ResponseCode that this agent knows", "[unit][ews]")
{
    const auto known = [](auto&& reason) {
        return std::ranges::any_of(known_codes(), [&](const auto& c) { return reason(with_code(c.code)); });
    };
    CHECK(known(is_from_exchange));
    CHECK(known(is_item_gone));
    CHECK(known(lacks_time_zone));
    CHECK(known(proves_impersonation));
    CHECK(known(is_window_too_long));
    CHECK(known(has_too_many_mailboxes));
    CHECK(known(has_too_many_entries));
    CHECK(known(is_lasting));
    CHECK(known(has_too_many_subscriptions));
    CHECK(known(has_too_many_connections));
    CHECK(known(lost_subscription));
    CHECK(known(is_unknown_request));
}

TEST_CASE("a web server's status is not Exchange's own answer", "[unit][ews]")
{
    CHECK(is_http_status(with_code("HTTP 503")));
    CHECK_FALSE(is_from_exchange(with_code("HTTP 503")));
    CHECK_FALSE(is_http_forbidden(with_code("HTTP 503")));
    CHECK(is_http_forbidden(with_code("HTTP 403")));
    CHECK_FALSE(is_http_status(with_code("")));
    CHECK_FALSE(is_from_exchange(with_code("")));
}

} // namespace relay::ews
