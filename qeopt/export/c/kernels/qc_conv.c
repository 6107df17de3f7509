/* Convolutions of any window, stride, padding, dilation and groups, one output position after the other; dense layers are such of one
 * position. */
#include "qc_core.h"

/* What is read at one position: `rows` times `taps` runs of values, with steps between them; turns lead from the last tap of a row to the
 * first of the next. All of these count bytes where the layer has dots. Else they count values, and weights of four channels. */
typedef struct {
  const uint8_t *values;
  uint32_t inputs, outputs, most, pixel, line, step, tap_step, row_step, group_step, weight_tap_step, weight_row_step, size, each;
  uint32_t value, weight, rows, taps, row_turn, weight_row_turn;
  qc_run run;
} runs_t;

static void begin(runs_t *runs, const qc_layer *layer, uint32_t bits, uint32_t weight_bits) {
  runs->inputs = layer->channels_in / layer->groups;
  runs->outputs = (uint32_t)(layer->channels / layer->groups);
  runs->pixel = layer->channels_in * bits >> 3;
  runs->line = layer->width_in * runs->pixel;
  runs->step = layer->stride_width * runs->pixel;
  runs->tap_step = layer->dilation_width * runs->pixel;
  runs->row_step = layer->dilation_height * runs->line;
  runs->group_step = runs->inputs * bits >> 3;
  runs->weight_tap_step = runs->inputs * weight_bits >> 3;
  runs->weight_row_step = layer->kernel_width * runs->weight_tap_step;
  runs->size = layer->kernel_height * runs->weight_row_step;
  runs->each = layer->by.dots ? runs->size : runs->size >> 2;
  runs->most = runs->outputs >= QC_TOGETHER ? QC_TOGETHER : runs->outputs & ~3u;
  if (runs->most == 0 || (!layer->by.dots && layer->groups > 1 && runs->outputs % 4)) runs->most = 1;
  runs->run.is_signed = layer->in.is_signed;
}

static void turn_to(runs_t *runs, const qc_layer *layer, const qc_span *rows, uint32_t x) {
  const qc_span taps = qc_columns(layer, x);
  const uint32_t count = taps.to - taps.from;
  runs->value = rows->at * runs->line + taps.at * runs->pixel;
  runs->weight = rows->from * runs->weight_row_step + taps.from * runs->weight_tap_step;
  const uint32_t height = rows->to - rows->from, is_one = layer->is_joined || !count || !height;
  runs->rows = count && height ? height : 1;
  runs->taps = is_one ? 1 : count;
  runs->run.count = height ? (is_one ? count * runs->inputs : runs->inputs) : 0;
  runs->row_turn = runs->row_step - (runs->taps - 1) * runs->tap_step;
  runs->weight_row_turn = runs->weight_row_step - (runs->taps - 1) * runs->weight_tap_step;
}

/* Adds the products of values with weights that lie by fours, one for each of four sums. */
static QC_INLINE void fours_of(const int16_t *values, const int16_t *end, const uint8_t *weights, const int32_t *from,
                              int32_t *sums, const int bits) {
  int32_t a = from[0], b = from[1], c = from[2], d = from[3];
  for (; values != end; weights += bits / 2) {
    const int32_t value = *values++;
    if (bits == 8) {
      a += value * (int8_t)weights[0];
      b += value * (int8_t)weights[1];
      c += value * (int8_t)weights[2];
      d += value * (int8_t)weights[3];
    } else {
      const uint32_t found = bits == 4 ? weights[0] | (uint32_t)weights[1] << 8 : *weights;
      a += value * ((int32_t)(found << (32 - bits)) >> (32 - bits));
      b += value * ((int32_t)(found << (32 - 2 * bits)) >> (32 - bits));
      c += value * ((int32_t)(found << (32 - 3 * bits)) >> (32 - bits));
      d += value * ((int32_t)(found << (32 - 4 * bits)) >> (32 - bits));
    }
  }
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
}

/* Values that are unpacked at once. */
#define PART 24u

/* The sums of four times `run.passes` channels. */
static QC_INLINE void sums_of(const qc_layer *layer, runs_t *runs, uint32_t value, uint32_t first, int32_t *sums) {
  const uint8_t *values = runs->values + value, *weights = layer->weights + first + runs->weight;
  uint32_t rows = runs->rows, taps = runs->taps;
  for (;;) {
    layer->by.dots(values, weights, &runs->run, sums);
    if (--taps) {
      values += runs->tap_step;
      weights += runs->weight_tap_step;
    } else if (--rows) {
      taps = runs->taps;
      values += runs->row_turn;
      weights += runs->weight_row_turn;
    } else {
      return;
    }
    runs->run.from = sums;
  }
}

/* The same without dots: values are unpacked, then multiplied. Weights lie by fours of channels, but those of channels that are computed
 * one by one in order. */
static QC_APART void odd_sums(const qc_layer *layer, const runs_t *runs, uint32_t value, uint32_t first, int32_t *sums) {
  const uint32_t bits = layer->weight_bits, count = runs->run.count, apart = runs->run.apart * bits >> 3;
  const int32_t *from = runs->run.from, *const end = sums + 4 * runs->run.passes;
  uint32_t rows = runs->rows, taps = runs->taps, weight = runs->weight, done = 0, some, i;
  int16_t part[PART];
  for (;;) {
    some = count - done < PART ? count - done : PART;
    if (layer->in.bits == 8 && !layer->in.is_signed)
      for (i = 0; i < some; i++) part[i] = runs->values[value + done + i];
    else
      for (i = 0; i < some; i++) part[i] = (int16_t)qc_of(&layer->in, runs->values, value + done + i);
    if (apart == 0) {
      for (i = 0; i < some; i++) *sums += part[i] * qc_get(layer->weights, first + (weight >> 2) + done + i, bits, 1);
    } else {
      const uint8_t *weights = layer->weights + ((first + weight + 4 * done) * bits >> 3);
      int32_t *to = sums;
      for (; to != end; to += 4, from += 4, weights += apart) {
        if (bits == 4) fours_of(part, part + some, weights, from, to, 4);
        else if (bits == 8) fours_of(part, part + some, weights, from, to, 8);
        else fours_of(part, part + some, weights, from, to, 2);
      }
    }
    from = sums;
    done += some;
    if (done != count) continue;
    done = 0;
    if (--taps) {
      value += runs->tap_step;
      weight += runs->weight_tap_step;
    } else if (--rows) {
      taps = runs->taps;
      value += runs->row_turn;
      weight += runs->weight_row_turn;
    } else {
      return;
    }
  }
}

/* All output channels of a position, up to QC_TOGETHER of a group a pass. */
static QC_INLINE void position(const qc_layer *layer, runs_t *runs, qc_writer *writer, int32_t *sums) {
  uint32_t channel = 0, value = runs->value, first = 0, left = runs->outputs, count;
  do {
    if (left == 0) {
      left = runs->outputs;
      value += runs->group_step;
    }
    runs->run.from = layer->scales + channel;
    runs->run.apart = runs->size;
    count = left >= runs->most ? runs->most : left & ~3u;
    if (count <= 1) { /* the last ones are computed one by one, by dots each four times */
      count = 1;
      sums[0] = sums[1] = sums[2] = sums[3] = *runs->run.from;
      runs->run.from = sums;
      runs->run.apart = 0;
    }
    runs->run.passes = (count + 3) >> 2;
    if (layer->by.dots) sums_of(layer, runs, value, first, sums);
    else odd_sums(layer, runs, value, first, sums);
    qc_outputs(layer, writer, channel, sums, count);
    first += count * runs->each;
    channel += count;
    left -= count;
  } while (channel < layer->channels);
}

/* The other positions of a row: of a convolution of 1x1 all is as it was, but for the values. */
static QC_INLINE void points(const qc_layer *layer, const runs_t *runs, qc_writer *writer, int32_t *sums) {
  const uint8_t *values = runs->values + runs->value, *const weights = layer->weights;
  qc_dots *const dots = layer->by.dots;
  const uint32_t channels = layer->channels, step = runs->step;
  uint32_t left;
  for (left = layer->width; --left;) {
    values += step;
    dots(values, weights, &runs->run, sums);
    qc_outputs(layer, writer, 0, sums, channels);
  }
}

void qc_conv(const qc_layer *layer, uint8_t *const *memory) {
  const uint32_t is_point = layer->kernel_height == 1 && layer->kernel_width == 1 && layer->top == 0 && layer->left == 0;
  qc_writer writer = qc_write_to(&layer->out, memory);
  int32_t sums[QC_TOGETHER];
  uint32_t y, x;
  runs_t runs;
  begin(&runs, layer, layer->by.dots ? layer->in.bits : 8, layer->by.dots ? layer->weight_bits : 32);
  runs.values = qc_at(&layer->in, memory);
  for (y = 0; y < layer->height; y++) {
    const qc_span rows = qc_rows(layer, y);
    for (x = 0; x < layer->width; x++) {
      if (x && is_point) runs.value += runs.step;
      else turn_to(&runs, layer, &rows, x);
      position(layer, &runs, &writer, sums);
      if (is_point && layer->by.dots && runs.most == layer->channels && runs.most > 1) {
        points(layer, &runs, &writer, sums);
        break;
      }
    }
  }
  qc_end(&writer);
}
