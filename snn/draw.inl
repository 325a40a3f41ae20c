namespace neuract::snn::NEURACT_ISA {

/// Samples that go through one pass over buffers on the stack.
static constexpr std::size_t kDrawBlock = 256;

/// u in (0, 1), exactly; by way of a signed conversion, which every vector unit has.
[[gnu::always_inline]] static inline double unit(std::uint32_t word) noexcept {
  return (static_cast<double>(static_cast<std::int32_t>(word ^ 0x80000000u)) + 2147483648.5) * 0x1p-32;
}

[[gnu::always_inline]] static inline double clamp(double x, double low, double high) noexcept {
  const double above = x < low ? low : x;
  return above > high ? high : above;
}

// AS 241: |q| <= 0.425 with r = 0.425² - q² (central); else r = sqrt(-log(tail probability)), near (r <= 5) and far.
[[gnu::always_inline]] static inline double quantile_central(double q) noexcept {
  const double r = 0.180625 - q * q;
  double a = 2.5090809287301226727e+3;
  a = a * r + 3.3430575583588128105e+4;
  a = a * r + 6.7265770927008700853e+4;
  a = a * r + 4.5921953931549871457e+4;
  a = a * r + 1.3731693765509461125e+4;
  a = a * r + 1.9715909503065514427e+3;
  a = a * r + 1.3314166789178437745e+2;
  a = a * r + 3.3871328727963666080e+0;
  double b = 5.2264952788528545610e+3;
  b = b * r + 2.8729085735721942674e+4;
  b = b * r + 3.9307895800092710610e+4;
  b = b * r + 2.1213794301586595867e+4;
  b = b * r + 5.3941960214247511077e+3;
  b = b * r + 6.8718700749205790830e+2;
  b = b * r + 4.2313330701600911252e+1;
  b = b * r + 1.0;
  return q * a / b;
}

[[gnu::always_inline]] static inline double quantile_near(double root) noexcept {
  const double r = root - 1.6;
  double a = 7.74545014278341407640e-4;
  a = a * r + 2.27238449892691845833e-2;
  a = a * r + 2.41780725177450611770e-1;
  a = a * r + 1.27045825245236838258e+0;
  a = a * r + 3.64784832476320460504e+0;
  a = a * r + 5.76949722146069140550e+0;
  a = a * r + 4.63033784615654529590e+0;
  a = a * r + 1.42343711074968357734e+0;
  double b = 1.05075007164441684324e-9;
  b = b * r + 5.47593808499534494600e-4;
  b = b * r + 1.51986665636164571966e-2;
  b = b * r + 1.48103976427480074590e-1;
  b = b * r + 6.89767334985100004550e-1;
  b = b * r + 1.67638483018380384940e+0;
  b = b * r + 2.05319162663775882187e+0;
  b = b * r + 1.0;
  return a / b;
}

[[gnu::always_inline]] static inline double quantile_far(double root) noexcept {
  const double r = root - 5.0;
  double a = 2.01033439929228813265e-7;
  a = a * r + 2.71155556874348757815e-5;
  a = a * r + 1.24266094738807843860e-3;
  a = a * r + 2.65321895265761230930e-2;
  a = a * r + 2.96560571828504891230e-1;
  a = a * r + 1.78482653991729133580e+0;
  a = a * r + 5.46378491116411436990e+0;
  a = a * r + 6.65790464350110377720e+0;
  double b = 2.04426310338993978564e-15;
  b = b * r + 1.42151175831644588870e-7;
  b = b * r + 1.84631831751005468180e-5;
  b = b * r + 7.86869131145613259100e-4;
  b = b * r + 1.48753612908506148525e-2;
  b = b * r + 1.36929880922735805310e-1;
  b = b * r + 5.99832206555887937690e-1;
  b = b * r + 1.0;
  return a / b;
}

static void draw_normal(const NormalDraw& draw, const std::uint32_t* words, std::size_t n, double* out) noexcept {
  alignas(64) double z[kDrawBlock];
  alignas(64) double tail[kDrawBlock];
  alignas(64) std::uint32_t where[kDrawBlock];
  alignas(64) std::int32_t is_tail[kDrawBlock];
  const NormalDraw d = draw;
  for (std::size_t begin = 0; begin < n; begin += kDrawBlock) {
    const std::size_t count = n - begin < kDrawBlock ? n - begin : kDrawBlock;
    for (std::size_t k = 0; k < count; ++k) {
      const double q = d.offset + d.width * unit(words[begin + k]) - 0.5;
      z[k] = quantile_central(q);
      is_tail[k] = (q < 0.0 ? -q : q) > 0.425 ? 1 : 0;
    }
    // The 15 % in the tails are gathered, so that the costly part runs over full vectors of them.
    std::size_t tails = 0;
    for (std::size_t k = 0; k < count; ++k) {
      where[tails] = static_cast<std::uint32_t>(k);
      tails += static_cast<std::size_t>(is_tail[k]);
    }
    for (std::size_t i = 0; i < tails; ++i) tail[i] = d.offset + d.width * unit(words[begin + where[i]]);
    std::uint64_t far = 0;
    for (std::size_t i = 0; i < tails; ++i) {
      const double p = tail[i];
      const double smaller = p < 0.5 ? p : 1.0 - p;
      const double root = __builtin_sqrt(-portable::log(smaller));
      const double value = quantile_near(root);
      far |= root > 5.0 ? 1u : 0u;
      tail[i] = p < 0.5 ? -value : value;
    }
    if (far != 0) {
      for (std::size_t i = 0; i < tails; ++i) {
        const double p = d.offset + d.width * unit(words[begin + where[i]]);
        const double root = __builtin_sqrt(-portable::log(p < 0.5 ? p : 1.0 - p));
        const double value = quantile_far(root);
        if (root > 5.0) tail[i] = p < 0.5 ? -value : value;
      }
    }
    for (std::size_t i = 0; i < tails; ++i) z[where[i]] = tail[i];
    if (d.exponentiate) {
      for (std::size_t k = 0; k < count; ++k)
        out[begin + k] = clamp(portable::exp(d.mean + d.sd * z[k]), d.low, d.high);
    } else {
      for (std::size_t k = 0; k < count; ++k) out[begin + k] = clamp(d.mean + d.sd * z[k], d.low, d.high);
    }
  }
}

static void draw_uniform(const UniformDraw& draw, const std::uint32_t* __restrict words, std::size_t n,
                         double* __restrict out) noexcept {
  const UniformDraw d = draw;
  for (std::size_t i = 0; i < n; ++i) out[i] = clamp(d.origin + d.scale * unit(words[i]), d.low, d.high);
}

static void draw_exponential(double mean, const std::uint32_t* __restrict words, std::size_t n,
                             double* __restrict out) noexcept {
  for (std::size_t i = 0; i < n; ++i) out[i] = -mean * portable::log(unit(words[i]));
}

static void draw_alias(const AliasDraw& draw, const std::uint32_t* __restrict words, std::size_t n,
                       std::uint16_t* __restrict out) noexcept {
  const std::uint32_t* const threshold = draw.threshold;
  const std::uint32_t* const alias = draw.alias;
  const int shift = 32 - draw.bits;
  const std::uint32_t mask = (1u << shift) - 1;
  for (std::size_t i = 0; i < n; ++i) {
    const auto bin = static_cast<std::int32_t>(words[i] >> shift);
    const std::uint32_t rest = words[i] & mask;
    const std::uint32_t other = alias[bin];
    out[i] = static_cast<std::uint16_t>(rest < threshold[bin] ? static_cast<std::uint32_t>(bin) : other);
  }
}

static void draw_index(std::uint32_t candidates, std::uint32_t skip, const std::uint32_t* __restrict words,
                       std::size_t n, std::uint32_t* __restrict out) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    const auto index = static_cast<std::uint32_t>((static_cast<std::uint64_t>(words[i]) * candidates) >> 32);
    out[i] = index + (index >= skip ? 1u : 0u);
  }
}

static void draw_index_wide(std::uint32_t candidates, std::uint32_t skip, const std::uint32_t* __restrict high,
                            const std::uint32_t* __restrict low, std::size_t n,
                            std::uint32_t* __restrict out) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t upper = static_cast<std::uint64_t>(high[i]) * candidates;
    const std::uint64_t lower = (static_cast<std::uint64_t>(low[i]) * candidates) >> 32;
    const auto index = static_cast<std::uint32_t>((upper + lower) >> 32);
    out[i] = index + (index >= skip ? 1u : 0u);
  }
}

static void draw_gap(double scale, const std::uint32_t* __restrict high, const std::uint32_t* __restrict low,
                     std::size_t n, std::uint32_t* __restrict out) noexcept {
  for (std::size_t i = 0; i < n; ++i) {
    // 52 random bits behind the exponent of 1 give [1, 2); u = 2 - that lies in (0, 1].
    const std::uint64_t mantissa = (static_cast<std::uint64_t>(high[i]) << 20) | (low[i] >> 12);
    const double u = 2.0 - __builtin_bit_cast(double, mantissa | 0x3ff0000000000000u);
    const double gap = portable::log(u) * scale;
    out[i] = static_cast<std::uint32_t>(static_cast<std::int32_t>(gap < 2147483647.0 ? gap : 2147483647.0));
  }
}

static void quantise(const double* __restrict values, double scale, std::size_t n,
                     std::int16_t* __restrict codes) noexcept {
  constexpr double rounder = 0x1.8p52;  // adding it rounds to an integer, ties to even
  for (std::size_t i = 0; i < n; ++i) {
    const double code = clamp(values[i] * scale, -32767.0, 32767.0) + rounder - rounder;
    codes[i] = static_cast<std::int16_t>(static_cast<std::int32_t>(code));
  }
}

}  // namespace neuract::snn::NEURACT_ISA
