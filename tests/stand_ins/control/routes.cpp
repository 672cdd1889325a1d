#include "tests/stand_ins/control/routes.hpp"

#include <boost/json/parse.hpp>

#include <charconv>

namespace relay::stand_in {
namespace {

constexpr std::size_t deepest_json = 64;

std::vector<std::string> split_path(std::string_view path)
{
    std::vector<std::string> segments;
    while (!path.empty()) {
        path.remove_prefix(path.front() == '/');
        const auto end = std::min(path.find('/'), path.size());
        segments.emplace_back(path.substr(0, end));
        path.remove_prefix(end);
    }
    return segments;
}

bool is_placeholder(std::string_view segment)
{
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
             control_request::parameters& parameters)
{
    if (pattern.size() != path.size())
        return false;
    parameters.clear();
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const auto decoded = percent_decode(path[i]);
        if (!decoded)
            return false;
        if (is_placeholder(pattern[i]))
            parameters[pattern[i].substr(1, pattern[i].size() - 2)] = *decoded;
        else if (pattern[i] != *decoded)
            return false;
    }
    return true;
}

control_request::parameters parse_query(std::string_view query)
{
    control_request::parameters parameters;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const auto pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.empty())
            continue;
        const auto equals = std::min(pair.find('='), pair.size());
        const auto name = percent_decode(pair.substr(0, equals));
        const auto value =
            percent_decode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view{});
        if (!name || !value)
            throw control_error(400, "a percent escape of the query is broken");
        parameters[*name] = *value;
    }
    return parameters;
}

json::value parse_body(const std::string& body)
{
    if (body.find_first_not_of(" \t\r\n") == body.npos)
        return nullptr;
    json::parse_options options;
    options.max_depth = deepest_json;
    error_code ec;
    auto value = json::parse(body, ec, {}, options);
    if (ec)
        throw control_error(400, "the body is no JSON: " + ec.message());
    return value;
}

control_reply failed(int status, std::string_view what)
{
    return {status, json::value{{"error", what}}};
}

} // namespace

const std::string& control_request::parameter(std::string_view name) const
{
    const auto found = path_parameters.find(name);
    if (found == path_parameters.end())
        throw std::logic_error("the route has no placeholder " + std::string(name));
    return found->second;
}

std::int64_t control_request::number(std::string_view name, std::int64_t otherwise) const
{
    const auto found = query.find(name);
    if (found == query.end())
        return otherwise;
    std::int64_t value = -1;
    const auto& text = found->second;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || value < 0)
        throw control_error(400, std::string(name) + " is not a number");
    return value;
}

void routes::on(std::string_view method, std::string_view pattern, handler h)
{
    routes_.push_back({std::string(method), split_path(pattern), std::move(h), {}});
}

void routes::on_waiting(std::string_view method, std::string_view pattern, waiting_handler h)
{
    routes_.push_back({std::string(method), split_path(pattern), {}, std::move(h)});
}

const routes::route* routes::find(control_request& request, int& failure_status) const
{
    const auto path = split_path(request.path);
    failure_status = 404;
    control_request::parameters parameters;
    for (const auto& r : routes_) {
        if (!matches(r.segments, path, parameters))
            continue;
        failure_status = 405;
        if (r.method != request.method)
            continue;
        request.path_parameters = std::move(parameters);
        return &r;
    }
    return nullptr;
}

task<control_reply> routes::answer(std::string method, std::string target, std::string body) const
{
    try {
        control_request request;
        const auto question = std::min(target.find('?'), target.size());
        request.method = std::move(method);
        request.path = target.substr(0, question);
        int status = 404;
        const route* r = find(request, status);
        if (!r)
            co_return failed(status, status == 404 ? "no such path" : "no such method for this path");
        if (question < target.size())
            request.query = parse_query(std::string_view(target).substr(question + 1));
        request.body = parse_body(body);
        if (r->direct)
            co_return r->direct(request);
        co_return co_await r->waiting(std::move(request));
    } catch (const control_error& e) {
        co_return failed(e.status(), e.what());
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted)
            throw;
        co_return failed(400, e.what()); // Boost.JSON: as_string() and the like on another kind of value
    } catch (const std::out_of_range& e) {
        co_return failed(400, e.what()); // object::at() of a missing key
    } catch (const std::invalid_argument& e) {
        co_return failed(400, e.what());
    } catch (const std::exception& e) {
        co_return failed(500, e.what());
    }
}

std::optional<std::string> percent_decode(std::string_view text)
{
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        unsigned value = 0;
        if (i + 2 >= text.size())
            return std::nullopt;
        const auto [end, ec] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
        if (ec != std::errc{} || end != text.data() + i + 3)
            return std::nullopt;
        decoded += static_cast<char>(value);
        i += 2;
    }
    return decoded;
}

std::string percent_encode(std::string_view text)
{
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            encoded += c;
        } else {
            encoded += '%';
            encoded += hex[byte >> 4];
            encoded += hex[byte & 15];
        }
    }
    return encoded;
}

} // namespace relay::stand_in
