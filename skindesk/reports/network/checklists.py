"""What a run answers of two checklists for publications, and what only its user can answer.

CLEAR Derm: Daneshjou et al., JAMA Dermatology 2022;158:90 (online 2021), doi:10.1001/jamadermatol.2021.4915; its items
stand under its four headings. TRIPOD+AI: Collins et al., BMJ 2024;385:e078378, doi:10.1136/bmj-2023-078378, with its
numbers. Items are given in words of our own.
"""

from __future__ import annotations

from dataclasses import dataclass

from skindesk.reports.words import tr


@dataclass(frozen=True)
class Item:
    """An item of a checklist.

    Attributes:
        place: its number or heading.
        asks: what it asks for.
        answer: what the run answers; empty where it cannot.
        yours: what is left for the user to say; empty where nothing is.
    """

    place: str
    asks: str
    answer: str = ""
    yours: str = ""


@dataclass(frozen=True)
class RunAnswers:
    """What a run says that items ask for, in sentences.

    Attributes:
        backbone, bundle: of the network.
        dataset, split, trained_on: what it learned from.
        geometry, augmentation, imbalance: how images become what it sees, and how it was trained.
        views: number of views of an image that are averaged.
        classes: their full names.
        confirmed, confirmed_malignant: how diagnoses of training images were confirmed, of all and of malignant classes;
            empty where not known.
        decision_rule: how the predicted class follows.
        scored: on how many images of the test part; empty where it was not scored.
        by_facts: whether there are figures by age, sex or site.
        flag: how images of another kind are told.
        drawn: whether all images are drawings.
        program: name and version.
    """

    backbone: str
    bundle: str
    dataset: str
    split: str
    trained_on: str
    geometry: str
    augmentation: str
    imbalance: str
    views: int
    classes: str
    confirmed: str
    confirmed_malignant: str
    decision_rule: str
    scored: str
    by_facts: bool
    flag: str
    drawn: bool
    program: str

    @property
    def measures(self) -> str:
        """Which figures there are."""
        if not self.scored:
            return tr("None yet: the test part was not scored.")
        return tr(
            "Balanced accuracy, accuracy, recall and precision of each class, areas under ROC curves, calibration "
            "error, log loss, with 95 % intervals that count lesions; confusion matrix, ROC, precision-recall and "
            "reliability curves. Test part: {0}."
        ).format(self.scored)

    @property
    def subgroups(self) -> str:
        """What is known of subgroups."""
        if self.by_facts:
            return tr(
                "Figures by age group, sex and site, where known: see “About this network”. Nothing was done to make them "
                "equal. Skin tones were not examined."
            )
        return tr(
            "Not examined: there are no figures by age, sex or site. Skin tones were not examined either."
        )


def clear_derm(run: RunAnswers) -> tuple[Item, ...]:
    """Return the items of CLEAR Derm."""
    data, technique = tr("Data"), tr("Technique")
    assessment, application = tr("Assessment"), tr("Application")
    return (
        Item(
            data,
            tr("Kind of images"),
            tr("Drawings made by a program.") if run.drawn else "",
            "" if run.drawn else tr("dermatoscopic, clinical or other"),
        ),
        Item(data, tr("Artefacts: hair, pen marks, rulers"), yours=tr("which occur, and how often")),
        Item(data, tr("How images were taken"), yours=tr("devices, lighting, who took them")),
        Item(data, tr("Preprocessing"), run.geometry),
        Item(
            data,
            tr("Synthetic images"),
            tr("None was made. Training images were augmented: {0}.").format(run.augmentation),
            tr("whether the dataset holds any"),
        ),
        Item(data, tr("Public images are cited"), run.dataset, tr("source, licence and citation")),
        Item(
            data,
            tr("Patients: age, sex, ethnicity"),
            run.subgroups if run.by_facts else "",
            tr("ethnicity, and how the facts were collected"),
        ),
        Item(
            data,
            tr("Skin tones"),
            tr("Not estimated from pixels, since methods for this disagree."),
            tr("skin types in the dataset, and how they were assessed"),
        ),
        Item(data, tr("Bias through patient facts"), tr("The network sees the image alone.")),
        Item(data, tr("Partition"), run.split),
        Item(data, tr("Sample sizes"), tr("Training images: {0}.").format(run.trained_on)),
        Item(
            data,
            tr("External test data"),
            tr("None in this report: the test part comes from the same dataset."),
            tr("a test on images from elsewhere"),
        ),
        Item(data, tr("Images from several makers and places"), yours=tr("devices and centres")),
        Item(data, tr("Balance of classes"), run.imbalance),
        Item(data, tr("Images of other kinds"), run.flag),
        Item(
            technique,
            tr("How images were labelled"),
            _confirmed(run.confirmed),
            tr("who labelled, and how disagreement was settled"),
        ),
        Item(technique, tr("Accepted names of diagnoses"), run.classes),
        Item(
            technique,
            tr("Histopathology of malignant lesions"),
            _confirmed(run.confirmed_malignant),
            "" if run.confirmed_malignant else tr("share confirmed by histopathology"),
        ),
        Item(
            technique,
            tr("Development of the algorithm"),
            tr("{0}; all settings are in this report.").format(run.backbone),
        ),
        Item(
            assessment,
            tr("Evaluation by others"),
            tr("The bundle {0} can be handed on as one file and scored on any dataset with {1}.").format(
                run.bundle, run.program
            ),
            tr("whether and where it is published"),
        ),
        Item(assessment, tr("Measures of performance"), run.measures),
        Item(
            assessment, tr("Comparison with other methods or readers"), yours=tr("with what it was compared")
        ),
        Item(assessment, tr("Bias"), run.subgroups),
        Item(
            application,
            tr("Use and target conditions"),
            tr("Tells apart: {0}. For research only.").format(run.classes),
            tr("intended users and setting"),
        ),
        Item(application, tr("Effects on patients and staff"), yours=tr("benefits and harms")),
    )


def tripod_ai(run: RunAnswers) -> tuple[Item, ...]:
    """Return the items of TRIPOD+AI."""
    return (
        Item("1", tr("Title"), yours=tr("target population and outcome")),
        Item("2", tr("Abstract"), yours=tr("the whole abstract")),
        Item("3a", tr("Medical context"), yours=tr("reasons, and existing models")),
        Item("3b", tr("Target population and intended use"), yours=tr("for whom, where and by whom")),
        Item("3c", tr("Known health inequalities"), yours=tr("between which groups")),
        Item("4", tr("Objectives"), tr("Development, with a test on images from the same dataset.")),
        Item("5a", tr("Sources of data"), run.dataset, tr("origin, and whom the data represent")),
        Item("5b", tr("Dates"), yours=tr("when images were taken")),
        Item("6a", tr("Setting"), yours=tr("kind and number of centres")),
        Item("6b", tr("Eligibility"), yours=tr("who was included and excluded")),
        Item("6c", tr("Treatments"), yours=tr("if any mattered")),
        Item("7", tr("Preparation of data"), run.geometry),
        Item(
            "8a",
            tr("Outcome"),
            " ".join(filter(None, (tr("One of: {0}.").format(run.classes), _confirmed(run.confirmed)))),
            tr("how and when it was determined"),
        ),
        Item("8b", tr("Assessors of the outcome"), yours=tr("their qualification")),
        Item("8c", tr("Blinding of that assessment"), yours=tr("what assessors knew")),
        Item("9a", tr("Choice of predictors"), tr("The image alone; nothing about the patient is used.")),
        Item("9b", tr("Definition of predictors"), run.geometry, tr("how and when images were taken")),
        Item("9c", tr("Assessors of predictors"), tr("None: a program reads the pixels.")),
        Item(
            "10",
            tr("Sample size"),
            tr("Training images: {0}.").format(run.trained_on),
            tr("how the size was decided"),
        ),
        Item(
            "11",
            tr("Missing data"),
            tr("Files that cannot be read and rows without a class are left out at import and listed."),
            tr("what was left out before"),
        ),
        Item("12a", tr("Use of the data"), run.split),
        Item(
            "12b",
            tr("Handling of predictors"),
            tr("Training images were augmented: {0}.").format(run.augmentation),
        ),
        Item(
            "12c",
            tr("Model, building steps, tuning, internal validation"),
            tr(
                "{0}; stages and settings are in this report. The epoch was chosen on validation images."
            ).format(run.backbone),
            tr("runs that were tried and not reported"),
        ),
        Item("12d", tr("Differences between centres"), tr("Not examined.")),
        Item("12e", tr("Measures of performance"), run.measures),
        Item("12f", tr("Updating"), tr("None after the test.")),
        Item(
            "12g",
            tr("How predictions are calculated"),
            tr("Mean logits of {0} views of an image, then calibrated. {1}").format(
                run.views, run.decision_rule
            ),
        ),
        Item("13", tr("Class imbalance"), run.imbalance),
        Item("14", tr("Fairness"), run.subgroups, tr("why these groups matter here")),
        Item(
            "15", tr("Output"), tr("A probability of each class, and a class. {0}").format(run.decision_rule)
        ),
        Item(
            "16",
            tr("Differences between training and test data"),
            tr("None by design: both come from one dataset, divided by group."),
        ),
        Item("17", tr("Ethical approval"), yours=tr("committee and consent")),
        Item("18a", tr("Funding"), yours=tr("sources and role of funders")),
        Item("18b", tr("Conflicts of interest"), yours=tr("of all authors")),
        Item("18c", tr("Protocol"), yours=tr("where it can be read")),
        Item("18d", tr("Registration"), yours=tr("register and number")),
        Item("18e", tr("Sharing of data"), run.dataset, tr("where the data can be had")),
        Item(
            "18f", tr("Sharing of code"), tr("Trained with {0}.").format(run.program), tr("code of your own")
        ),
        Item("19", tr("Patient and public involvement"), yours=tr("if there was any")),
        Item("20a", tr("Flow of participants"), run.split, tr("numbers of patients")),
        Item(
            "20b",
            tr("Characteristics"),
            tr("Images by class and part: see “Data and split”."),
            tr("of patients"),
        ),
        Item("20c", tr("Training and test data compared"), tr("By class: see “Data and split”.")),
        Item("21", tr("Participants and outcomes in each analysis"), run.split),
        Item(
            "22",
            tr("Full model"),
            tr("The bundle {0} holds all weights and how an image is prepared.").format(run.bundle),
            tr("where it can be had"),
        ),
        Item(
            "23a",
            tr("Performance, also in subgroups"),
            tr("See “How good it is”. {0}").format(run.subgroups) if run.scored else run.measures,
        ),
        Item("23b", tr("Differences of performance between centres"), tr("Not examined.")),
        Item("24", tr("Results of updating"), tr("None after the test.")),
        Item("25", tr("Interpretation"), yours=tr("in the light of earlier studies")),
        Item(
            "26",
            tr("Limitations"),
            tr("What it was never shown: see “About this network”."),
            tr("limits of the study"),
        ),
        Item("27a", tr("Poor or missing input"), run.flag),
        Item("27b", tr("What users must do and know"), yours=tr("interaction and expertise")),
        Item("27c", tr("Next steps"), yours=tr("further research, and where the model may hold")),
    )


def _confirmed(ways: str) -> str:
    return tr("Training images confirmed by: {0}.").format(ways) if ways else ""
