"""Of 10,000 samples, how many are what was asked for? A convolutional classifier of the data's own images judges.

python asked_for.py RUN DATA_DIR        (minutes of CPU time; the classifier is kept in classifier_<dataset>.keras)

Writes asked_for.csv: the classifier's accuracy on the test images, and that of the samples, as the decoder's means and
drawn from p(x|z, c), class by class.
"""

import csv
import sys
from pathlib import Path

import numpy as np

import vaelab

SAMPLES, EPOCHS = 10_000, 5
HERE = Path(__file__).resolve().parent


def main(run: str, data_dir: str) -> None:
    """Trains the classifier where there is none yet, draws as many samples of each class, and judges them."""
    view = vaelab.load(run, data_dir=data_dir).view
    train, test = view.split("train"), view.split("test")
    classes = len(view.class_names)
    judge = classifier(HERE / f"classifier_{view.dataset.name}.keras", train, classes)
    rows = [("test images", *judged(judge, test.images()[0], np.asarray(test.y), classes))]
    asked = np.arange(SAMPLES) % classes
    rng = view.rng("plots", 9)
    z, c = view.sample_prior(SAMPLES, rng), view.condition.read(asked.tolist(), "asked")
    rows.append(("samples, means", *judged(judge, view.decode(z, c)[0], asked, classes)))
    rows.append(("samples, drawn", *judged(judge, view.simulate(z, rng, c)[0], asked, classes)))
    with open("asked_for.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["", "accuracy", *view.class_names])
        writer.writerows([name, *(f"{v:.4f}" for v in values)] for name, *values in rows)
    for name, accuracy, *_ in rows:
        print(f"{name:<16} {accuracy:.2%}")


def classifier(path: Path, train, classes: int):
    """Strided convolutions and a dense layer, trained on grey images and on those the model was judged by."""
    import keras
    from keras import layers

    if path.is_file():
        return keras.models.load_model(path)
    keras.utils.set_random_seed(0)
    grey = np.asarray(train._split.x[0], np.float32) / 255
    drawn = train.images()[0]
    model = keras.Sequential(
        [
            keras.Input(grey.shape[1:]),
            layers.Conv2D(32, 5, strides=2, activation="relu"),
            layers.Conv2D(64, 5, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.4),
            layers.Dense(128, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.concatenate([grey, drawn]), np.tile(np.asarray(train.y), 2)
    model.fit(x, y, batch_size=128, epochs=EPOCHS, verbose=2)
    model.save(path)
    return model


def judged(judge, images, wanted, classes: int) -> list[float]:
    """[accuracy, that of each class]."""
    right = judge.predict(images, batch_size=500, verbose=0).argmax(axis=1) == wanted
    return [right.mean(), *(right[wanted == k].mean() for k in range(classes))]


if __name__ == "__main__":
    main(*sys.argv[1:])
