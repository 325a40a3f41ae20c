#include "neuract/q4/checkpoint/schema.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "neuract/q4/checkpoint/quant_state.hpp"
#include "neuract/q4/checkpoint/weight_reader.hpp"

namespace neuract::q4 {
namespace {

using memory::DType;

/// "fc1.weight" for the base of one of its parts.
std::string weight_name(const SafetensorsFile& file, Family family, const std::string& base) {
  switch (family) {
    // bitsandbytes' own keys are "fc1.weight" and "fc1.weight.absmax"; some files have "fc1.weight" and "fc1.absmax".
    case Family::bitsandbytes:
      return file.find(base) == nullptr && file.find(base + ".weight") != nullptr ? base + ".weight" : base;
    case Family::modelopt:
    case Family::compressed_tensors: return base + ".weight";
    default: return base;
  }
}

bool is_u8(const SafetensorsEntry* entry) { return entry != nullptr && entry->type->dtype == DType::u8; }

struct Evidence {
  std::map<Family, std::string> bases;
};

/// By name of the weight: the families that its parts speak for.
std::map<std::string, Evidence> gather(const SafetensorsFile& file) {
  std::map<std::string, Evidence> found;
  for (const SafetensorsEntry& entry : file.entries()) {
    for (const PartTraits& part : kParts) {
      if (!entry.name.ends_with(part.suffix)) continue;
      const std::string base = entry.name.substr(0, entry.name.size() - part.suffix.size());
      // A block scale beside u8 weights is ModelOpt's, even when its global scale is missing.
      const bool tells =
          part.tells || (part.family == Family::modelopt && part.role == Role::scales &&
                         is_u8(file.find(base + std::string(part_of(part.family, Role::codes)->suffix))));
      if (tells) found[weight_name(file, part.family, base)].bases[part.family] = base;
    }
  }
  return found;
}

bool has_codes(const SafetensorsFile& file, Family family, const std::string& name, const std::string& base) {
  if (family == Family::bitsandbytes) return file.find(name) != nullptr;
  return file.find(base + std::string(part_of(family, Role::codes)->suffix)) != nullptr;
}

memory::Dims stored_shape(const SafetensorsFile& file, const StoredWeight& weight) {
  if (weight.family == Family::bitsandbytes) {
    const auto* state = file.find(weight.base + std::string(part_of(weight.family, Role::state)->suffix));
    if (!is_u8(state)) return {};
    const auto text = file.bytes(*state);
    std::vector<QuantStateFault> faults;
    return parse_quant_state({reinterpret_cast<const char*>(text.data()), text.size()}, faults).shape;
  }
  const auto* codes = file.find(weight.base + std::string(part_of(weight.family, Role::codes)->suffix));
  if (!is_u8(codes) || codes->shape.size() != 2 || codes->shape[1] > detail::kMostPackedInputs) return {};
  return {codes->shape[0], 2 * codes->shape[1]};
}

StoredWeight describe(const SafetensorsFile& file, const std::string& name, const Evidence& evidence) {
  StoredWeight weight;
  weight.name = name;
  // Of several families the first that has codes; validate() tells about the others.
  const auto first = std::find_if(evidence.bases.begin(), evidence.bases.end(),
                                  [&](const auto& pair) { return has_codes(file, pair.first, name, pair.second); });
  const auto& chosen = first == evidence.bases.end() ? *evidence.bases.begin() : *first;
  weight.family = chosen.first;
  weight.base = chosen.second;
  std::set<std::string> parts;
  for (const auto& [family, base] : evidence.bases) {
    if (family == Family::bitsandbytes && file.find(name) != nullptr) parts.insert(name);
    for (const PartTraits& part : kParts) {
      if (part.family != family || part.suffix.empty()) continue;
      if (const std::string key = base + std::string(part.suffix); file.find(key) != nullptr) parts.insert(key);
    }
  }
  weight.parts.assign(parts.begin(), parts.end());
  weight.shape = stored_shape(file, weight);
  return weight;
}

bool is_plain(const SafetensorsEntry& entry) {
  return entry.shape.size() == 2 &&
         (entry.type->dtype == DType::f32 || entry.type->dtype == DType::f16 || entry.type->dtype == DType::bf16);
}

}  // namespace

std::vector<StoredWeight> list_weights(const SafetensorsFile& file) {
  std::vector<StoredWeight> weights;
  std::set<std::string, std::less<>> taken;
  for (const auto& [name, evidence] : gather(file)) {
    weights.push_back(describe(file, name, evidence));
    taken.insert(weights.back().parts.begin(), weights.back().parts.end());
  }
  for (const SafetensorsEntry& entry : file.entries()) {
    if (is_plain(entry) && !taken.contains(entry.name))
      weights.push_back({entry.name, Family::plain, entry.name, {entry.name}, entry.shape, 0});
  }
  for (StoredWeight& weight : weights)
    for (const std::string& part : weight.parts) weight.bytes += file.find(part)->bytes();
  std::sort(weights.begin(), weights.end(),
            [](const StoredWeight& a, const StoredWeight& b) { return a.name < b.name; });
  return weights;
}

Result<StoredWeight> detect(const SafetensorsFile& file, std::string_view name) {
  const std::vector<StoredWeight> weights = list_weights(file);
  for (const std::string& wanted : {std::string(name), std::string(name) + ".weight"}) {
    const auto weight =
        std::find_if(weights.begin(), weights.end(), [&](const StoredWeight& w) { return w.name == wanted; });
    if (weight != weights.end()) return *weight;
  }
  if (const SafetensorsEntry* entry = file.find(name))
    return fail(ErrorCode::not_found, file.name(), ": ", in_quotes(name), " is ", entry->type->name, " ",
                memory::to_string(entry->shape), " and no weight");
  constexpr std::size_t kMost = 12;
  std::string known;
  for (std::size_t i = 0; i < std::min(kMost, weights.size()); ++i)
    known += (i == 0 ? "" : ", ") + in_quotes(weights[i].name);
  return fail(ErrorCode::not_found, file.name(), ": there is no weight ", in_quotes(name), "; ",
              weights.empty() ? "the file has none" : "there are " + known, weights.size() > kMost ? ", …" : "");
}

std::vector<Fault> validate(const SafetensorsFile& file, const StoredWeight& weight, const memory::Dims& shape) {
  if (weight.family == Family::plain) {
    if (shape.empty() || shape == weight.shape) return {};
    return {{weight.name, "a weight of shape " + memory::to_string(shape),
             "one of shape " + memory::to_string(weight.shape)}};
  }
  auto reading = detail::read_weight(file, weight, shape, false);
  if (reading) return std::move(reading->faults);
  return {{weight.name, "a weight that can be read", reading.error().to_string()}};
}

std::string to_string(const Fault& fault) {
  return in_quotes(fault.key) + ": expected " + fault.expected + ", found " + fault.found;
}

}  // namespace neuract::q4
