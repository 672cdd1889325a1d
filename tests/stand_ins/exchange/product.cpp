#include "tests/stand_ins/exchange/product.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace relay::exchange_sim {
namespace {

constexpr std::array products{
    product{"2007", "8.3.83.6", 8, 3, 83, 6, "Exchange2007_SP1", "Exchange2007_SP1"},
    product{"2010-rtm", "14.0.639.21", 14, 0, 639, 21, "Exchange2010", "Exchange2010"},
    product{"2010-sp1", "14.1.218.15", 14, 1, 218, 15, "Exchange2010_SP1", "Exchange2010_SP1"},
    product{"2010-sp2", "14.2.247.5", 14, 2, 247, 5, "Exchange2010_SP2", "Exchange2010_SP2"},
    product{"2010", "14.3.123.4", 14, 3, 123, 4, "Exchange2010_SP2", "Exchange2010_SP2"},
    product{"2013-rtm", "15.0.516.32", 15, 0, 516, 32, "Exchange2013", "Exchange2013"},
    product{"2013-sp1", "15.0.847.32", 15, 0, 847, 32, "V2_8", "Exchange2013_SP1"},
    product{"2013", "15.0.1497.48", 15, 0, 1497, 48, "V2_23", "Exchange2013_SP1"},
    product{"2016-rtm", "15.1.225.42", 15, 1, 225, 42, "V2_48", "Exchange2016"},
    product{"2016", "15.1.2507.39", 15, 1, 2507, 39, "V2017_07_11", "V2017_07_11"},
    product{"2019-rtm", "15.2.221.12", 15, 2, 221, 12, "V2017_07_11", "V2017_07_11"},
    product{"2019", "15.2.1118.7", 15, 2, 1118, 7, "V2017_07_11", "V2017_07_11"},
    product{"2019-cu13", "15.2.1258.12", 15, 2, 1258, 12, "V2017_07_11", "V2017_07_11"},
    product{"2019-cu14", "15.2.1544.4", 15, 2, 1544, 4, "V2017_07_11", "V2017_07_11"},
    product{"2019-cu15", "15.2.1748.10", 15, 2, 1748, 10, "V2017_07_11", "V2017_07_11"},
    product{"se", "15.2.2562.17", 15, 2, 2562, 17, "V2017_07_11", "V2017_07_11"},
    product{"online", "15.20.8999.24", 15, 20, 8999, 24, "V2018_01_08", "V2018_01_08"},
};

// ExchangeVersionType of the schema, oldest first. "Exchange2019" is not among them, in life neither.
constexpr std::array<std::string_view, 21> request_versions{
    "Exchange2007",     "Exchange2007_SP1", "Exchange2009", "Exchange2010",     "Exchange2010_SP1",
    "Exchange2010_SP2", "Exchange2012",     "Exchange2013", "Exchange2013_SP1", "Exchange2015",
    "Exchange2016",     "V2015_10_05",      "V2016_01_06",  "V2016_04_13",      "V2016_07_13",
    "V2016_10_10",      "V2017_01_07",      "V2017_04_14",  "V2017_07_11",      "V2017_10_09",
    "V2018_01_08"};

} // namespace

const product* find_product(std::string_view name) noexcept
{
    const auto found = std::ranges::find(products, name, &product::name);
    return found == products.end() ? nullptr : &*found;
}

request_version check_request_version(const product& p, std::string_view version) noexcept
{
    const auto asked = std::ranges::find(request_versions, version);
    if (asked == request_versions.end())
        return request_version::unknown;
    return asked <= std::ranges::find(request_versions, p.newest_request) ? request_version::accepted
                                                                          : request_version::too_new;
}

} // namespace relay::exchange_sim
