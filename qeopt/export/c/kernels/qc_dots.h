/* Products for convolutions: values with the weights of four output channels, all beginning at a byte. */
#ifndef QC_DOTS_H
#define QC_DOTS_H

#include "qc_words.h"

/* Values are read by groups, as many as fill a word with the narrower of values and weights. Masking a word of them leaves one field of
 * each byte: four values that are 8 / bits apart. Weights are packed in such an order that masking leaves the four that belong to them;
 * what is left of a group lies in order: fours, but of values and weights of 8 bits any number. */
#define QC_QUAD(quad)                                                                                        \
  if (quad * 4 < group) {                                                                                    \
    const qc_unpacked fours =                                                                                \
        qc_unpack(QC_FIELD(qc_word(values + quad / (8 / bits) * 4), bits, quad, mask), is_signed);            \
    const uint8_t *const at = weights + quad / (8 / weight_bits) * 4;                                        \
    a = qc_dot(fours, QC_FIELD(qc_word(at), weight_bits, quad, weight_mask), a);                             \
    b = qc_dot(fours, QC_FIELD(qc_word(at + apart), weight_bits, quad, weight_mask), b);                     \
    c = qc_dot(fours, QC_FIELD(qc_word(at + 2 * apart), weight_bits, quad, weight_mask), c);                 \
    d = qc_dot(fours, QC_FIELD(qc_word(at + 3 * apart), weight_bits, quad, weight_mask), d);                 \
  }

/* One field of each byte of a word. */
#define QC_FIELD(word, bits, quad, mask) \
  ((bits) == 8 ? (word) : ((word) << (8 - (bits) - (bits) * ((quad) % (8 / (bits)))) & (mask)))

static QC_INLINE void qc_dots_of(const uint8_t *start, const uint8_t *weights, const qc_run *run, int32_t *sums, const int bits,
                                 const int is_signed, const int weight_bits) {
  const int group = 32 / (bits < weight_bits ? bits : weight_bits);
  const uint32_t apart = run->apart;
  const uint8_t *const end = start + run->count / (uint32_t)group * (uint32_t)(group * bits / 8);
  const int32_t *from = run->from;
  uint32_t mask = QC_HIGH(bits), weight_mask = QC_HIGH(weight_bits), pass;
  if (bits < 8) QC_HOLD(mask);
  if (weight_bits < 8) QC_HOLD(weight_mask);
  for (pass = run->passes; pass; pass--, from += 4, sums += 4) {
    const uint8_t *values = start, *first = weights;
    int32_t a = from[0], b = from[1], c = from[2], d = from[3];
    uint32_t rest = run->count % (uint32_t)group;
    while (values != end) {
      QC_QUAD(0)
      QC_QUAD(1)
      QC_QUAD(2)
      QC_QUAD(3)
      values += group * bits / 8;
      weights += group * weight_bits / 8;
    }
    for (; group > 4 && rest; rest -= 4, values += bits / 2, weights += weight_bits / 2) {
      const qc_unpacked fours = qc_unpack(qc_four(values, bits), is_signed);
      a = qc_dot(fours, qc_four(weights, weight_bits), a);
      b = qc_dot(fours, qc_four(weights + apart, weight_bits), b);
      c = qc_dot(fours, qc_four(weights + 2 * apart, weight_bits), c);
      d = qc_dot(fours, qc_four(weights + 3 * apart, weight_bits), d);
    }
    for (; group == 4 && rest; rest--, weights++) {
      const int32_t value = is_signed ? (int8_t)*values : *values;
      values++;
      a += value * (int8_t)weights[0];
      b += value * (int8_t)weights[apart];
      c += value * (int8_t)weights[2 * apart];
      d += value * (int8_t)weights[3 * apart];
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
    weights = first + 4 * apart;
  }
}

#define QC_DOTS(bits, weight_bits)                                                                                           \
  void qc_dots_##bits##_##weight_bits(const uint8_t *values, const uint8_t *weights, const qc_run *run, int32_t *sums) { \
    if (run->is_signed) qc_dots_of(values, weights, run, sums, bits, 1, weight_bits);                                        \
    else qc_dots_of(values, weights, run, sums, bits, 0, weight_bits);                                                       \
  }

#endif
