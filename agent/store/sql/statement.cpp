#include "agent/store/sql/statement.hpp"

namespace relay::store::sql {

result<void> statement::run(std::initializer_list<value> values)
{
    auto found = query(values);
    for (;;) {
        const auto row = found.next();
        if (row.has_error())
            return row.error();
        if (!*row)
            return {};
    }
}

statement::rows statement::query(std::initializer_list<value> values)
{
    return rows(*prepared_, prepared_->start({values.begin(), values.size()}));
}

statement::rows::~rows()
{
    if (of_)
        of_->reset();
}

result<bool> statement::rows::next()
{
    if (failure_)
        return {boost::system::in_place_error, failure_};
    return of_->step();
}

std::optional<std::int64_t> statement::rows::number_or_null(int column) const
{
    if (null(column))
        return std::nullopt;
    return number(column);
}

result<std::vector<std::string>> all_texts(statement::rows rows)
{
    std::vector<std::string> all;
    for (;;) {
        const auto row = rows.next();
        if (row.has_error())
            return row.error();
        if (!*row)
            return all;
        all.push_back(rows.text(0));
    }
}

} // namespace relay::store::sql
