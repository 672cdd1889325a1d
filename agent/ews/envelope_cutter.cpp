#include "agent/ews/envelope_cutter.hpp"

namespace relay::ews {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr std::string_view cdata_opening = "[CDATA[";

bool is_space(char c) noexcept
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

} // namespace

envelope_cutter::trouble envelope_cutter::feed(std::string_view piece, std::vector<std::string>& whole)
{
    for (const char c : piece) {
        if (trouble_ != trouble::none)
            break;
        trouble_ = step(c, whole);
    }
    if (trouble_ != trouble::none)
        held_.clear();
    return trouble_;
}

envelope_cutter::trouble envelope_cutter::step(char c, std::vector<std::string>& whole)
{
    if (state_ == state::outside)
        return step_outside(c);
    if (held_.size() >= most_bytes_)
        return trouble::too_large;
    held_ += c;
    switch (state_) {
    case state::outside:
        break;
    case state::text:
        if (c == '<')
            state_ = state::open;
        break;
    case state::open:
        return step_open(c);
    case state::bang:
    case state::cdata_begin:
        return step_bang(c);
    case state::comment: // "--" ends one only where '>' follows
        if (c == '>' && seen_ >= 2)
            leave_markup();
        seen_ = c == '-' ? seen_ + 1 : 0;
        break;
    case state::cdata:
        if (c == '>' && seen_ >= 2)
            leave_markup();
        seen_ = c == ']' ? seen_ + 1 : 0;
        break;
    case state::instruction:
        if (c == '>' && last_ == '?')
            leave_markup();
        last_ = c;
        break;
    case state::start_tag:
        return step_start_tag(c, whole);
    case state::quoted:
        if (c == quote_)
            state_ = state::start_tag;
        break;
    case state::end_tag:
        if (c == '>') {
            --depth_;
            leave_markup();
            if (depth_ == 0)
                complete(whole);
        }
        break;
    }
    if (state_ == state::outside)
        held_.clear(); // a declaration or a comment before an envelope
    return trouble::none;
}

envelope_cutter::trouble envelope_cutter::step_outside(char c)
{
    if (seen_ > 0 || c == byte_order_mark.front()) {
        if (c != byte_order_mark[seen_])
            return trouble::not_soap;
        seen_ = (seen_ + 1) % byte_order_mark.size();
        return trouble::none;
    }
    if (is_space(c))
        return trouble::none;
    if (c != '<')
        return trouble::not_soap;
    held_.assign(1, '<');
    state_ = state::open;
    return trouble::none;
}

envelope_cutter::trouble envelope_cutter::step_open(char c)
{
    seen_ = 0;
    last_ = 0;
    if (c == '!')
        state_ = state::bang;
    else if (c == '?')
        state_ = state::instruction;
    else if (c == '/') {
        if (depth_ == 0)
            return trouble::not_soap;
        state_ = state::end_tag;
    } else {
        state_ = state::start_tag;
        last_ = c;
    }
    return trouble::none;
}

// "<!--", "<![CDATA[", or what SOAP does not have.
envelope_cutter::trouble envelope_cutter::step_bang(char c)
{
    if (state_ == state::bang && seen_ == 0 && c == '[' && depth_ > 0)
        state_ = state::cdata_begin;
    if (state_ == state::cdata_begin) {
        if (c != cdata_opening[seen_])
            return trouble::not_soap;
        if (++seen_ == cdata_opening.size()) {
            seen_ = 0;
            state_ = state::cdata;
        }
        return trouble::none;
    }
    if (c != '-')
        return trouble::not_soap;
    if (++seen_ == 2) {
        seen_ = 0;
        state_ = state::comment;
    }
    return trouble::none;
}

envelope_cutter::trouble envelope_cutter::step_start_tag(char c, std::vector<std::string>& whole)
{
    if (c == '"' || c == '\'') {
        quote_ = c;
        state_ = state::quoted;
    } else if (c == '>') {
        if (depth_ == 0 && !is_envelope())
            return trouble::not_soap;
        const bool empty = last_ == '/';
        if (!empty)
            ++depth_;
        leave_markup();
        if (depth_ == 0)
            complete(whole);
    }
    last_ = c;
    return trouble::none;
}

void envelope_cutter::complete(std::vector<std::string>& whole)
{
    whole.push_back(std::move(held_));
    held_.clear();
    seen_ = 0;
}

// Whether the start tag that `held_` consists of is an Envelope's, whatever its prefix.
bool envelope_cutter::is_envelope() const
{
    std::string_view name = held_;
    name.remove_prefix(1);
    name = name.substr(0, name.find_first_of(" \t\r\n/>"));
    if (const auto colon = name.rfind(':'); colon != name.npos)
        name.remove_prefix(colon + 1);
    return name == "Envelope";
}

} // namespace relay::ews
